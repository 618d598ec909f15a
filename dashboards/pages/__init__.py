"""One module a page; each has `show()`, called by app.py."""
