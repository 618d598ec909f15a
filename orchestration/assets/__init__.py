"""Every asset of the graph: copies in, dbt's models, the ledger's tables, drafts out."""
