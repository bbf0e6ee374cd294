from pipeline.documents import check  # noqa: F401
