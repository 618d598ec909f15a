"""pytest helper: run dbt unit tests of intermediate folders."""
import sys, pytest
from rating_world import World
SEL=sys.argv
def test_units(world):
    from rating_world import LINES
    world.rate((*LINES, "+int_hypothesis_usage", "+int_hypothesis_prices", "+int_hypotheses", "+int_hypothesis_singles"))
    import os
    sel=os.environ["UT"].split()
    from dbt.cli.main import dbtRunner
    w=world.dbt
    import json
    flags=["--project-dir","/work/wt/rating","--profiles-dir","/work/wt/rating/dbt_project","--target-path",str(w.target),"--log-path",str(w.target)]
    with w._environment():
        for s in [sel]:
            r=dbtRunner(manifest=w._manifest).invoke(["test","--select",*s,"--resource-type","unit_test",*flags])
            print("\n".join(f"{x.node.name}: {x.status}: {x.message}" for x in (getattr(r.result,"results",[]) or []) if x.status not in ("pass",)))
            assert r.success
