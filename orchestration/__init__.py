"""Run the whole: Dagster for the operator's eye, `billing` for people and for cron.

Flows in: settings, the loaders, the dbt project, the publishers. Flows out: runs, checks,
reports, exit codes.
"""
