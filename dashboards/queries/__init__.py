"""What the pages ask of the warehouse: SQL with named parameters, one module a page.

`{marts}` stands for the schema of the marts. Nothing here knows Streamlit.
"""
