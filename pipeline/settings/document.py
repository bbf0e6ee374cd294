from pipeline.documents import Document, Where, read_document  # noqa: F401
