//! Text out of plain text, Markdown, HTML, source code and PDF.
