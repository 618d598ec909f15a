"""One module a page; each has `show()`, called by app.py.

A folder named `pages` would be taken by Streamlit for its own.
"""
