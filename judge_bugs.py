import importlib, sys, time, warnings
from veriformer.impls.discover import Found
from veriformer.properties.conformance import Suite, Selection
from veriformer.properties.search import Budget
from veriformer.record import Verdict
names = sys.argv[1].split(',')
ids = set(sys.argv[2].split(',')) if len(sys.argv) > 2 and sys.argv[2] else None
for n in names:
    mod = importlib.import_module(f"tests.bugs.{n}")
    for b in mod.BUGS:
        if ids and b.id not in ids or b.implementation is None: continue
        t=time.time()
        suite = Suite([Found(b.id, b.implementation, named=True)] , Selection(components=(b.component,)), Budget(), exit_first=True)
        recs=list(suite.records())
        bad=[r for r in recs if r.bad]
        if bad:
            r=bad[0]; ce=r.counterexample or {}
            import numpy as np
            size=sum(np.size(x) for x in ce.get('arguments',{}).values() if isinstance(x,np.ndarray)) if ce else None
            print(b.id, b.fate, '| law', r.law, r.dtype, r.verdict, '| after', ce.get('examples'), '| size', size, '|', r.diagnosis, f'| {time.time()-t:.1f}s', '' if str(r.verdict)!='crashed' else r.message[:300])
        else:
            print(b.id, b.fate, 'NOT FOUND', [(r.law,r.dtype,str(r.verdict),r.message[:60]) for r in recs if r.verdict not in (Verdict.HELD,)], f'| {time.time()-t:.1f}s')
        sys.stdout.flush()
