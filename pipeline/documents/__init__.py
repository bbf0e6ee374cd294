"""Files that people write: YAML in, checked values out, and what is wrong in them as sentences with file and line."""

from pipeline.documents.document import Document, Where, parse_document, read_document
from pipeline.documents.sentences import check, dotted, nearest, sentence, strictly

__all__ = [
    "Document",
    "Where",
    "check",
    "dotted",
    "nearest",
    "parse_document",
    "read_document",
    "sentence",
    "strictly",
]
