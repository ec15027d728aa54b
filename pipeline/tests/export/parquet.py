"""Compares a Parquet export of all traits with the results.h5 that it came from: every number, in order."""

import sys

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

results, folder = sys.argv[1:]
table = pq.read_table(folder)
types = dict(
    chromosome=pa.string(), pos=pa.uint32(), id=pa.string(), ref=pa.string(), alt=pa.string(), trait=pa.string(),
    a1_freq=pa.float64(), obs_ct=pa.uint32(), beta=pa.float32(), se=pa.float32(), t_stat=pa.float64(), log10_p=pa.float64(),
)
for name, kind in types.items():
    assert table.schema.field(name).type == kind, (name, table.schema.field(name))
assert b"norna.version" in table.schema.metadata and b"norna.run_digest" in table.schema.metadata


def column(name):
    return table.column(name).to_numpy(zero_copy_only=False)


with h5py.File(results) as f:
    names = f["traits/name"].asstr()[:]
    n_traits, n_variants = len(names), len(f["variants/pos"])
    store = f.attrs["store"]
    store = store.decode() if isinstance(store, bytes) else store
    if store == "hits":
        rows, columns = f["hits/variant"][:], f["hits/trait"][:]
        beta, se = f["hits/beta"][:].astype("f4"), f["hits/se"][:].astype("f4")
        assert np.array_equal(column("log10_p"), f["hits/log10p"][:])
        assert np.array_equal(column("obs_ct"), f["hits/obs_ct"][:])
    else:
        rows, columns = np.repeat(np.arange(n_variants), n_traits), np.tile(np.arange(n_traits), n_variants)
        if store == "full":
            beta, se = f["assoc/beta"][:].ravel(), f["assoc/se"][:].ravel()
        else:
            beta = se = None
        # Pairs in /hits have p of their own, from f64.
        at = f["hits/variant"][:] * n_traits + f["hits/trait"][:]
        assert len(at) > 100
        assert np.allclose(column("log10_p")[at], f["hits/log10p"][:], rtol=2e-6)
        assert np.array_equal(column("obs_ct")[at], f["hits/obs_ct"][:])
        assert np.allclose(column("beta")[at], f["hits/beta"][:], rtol=2e-6)
        assert np.allclose(column("se")[at], f["hits/se"][:], rtol=2e-6)
    assert table.num_rows == len(rows)
    for name, path in dict(chromosome="chrom", id="id", ref="ref", alt="alt").items():
        assert np.array_equal(column(name), f["variants"][path].asstr()[:][rows]), name
    assert np.array_equal(column("pos"), f["variants/pos"][:][rows])
    assert np.array_equal(column("a1_freq"), f["variants/a1_freq"][:][rows], equal_nan=True)
    assert np.array_equal(column("trait"), names[columns])
    if beta is not None:
        assert np.array_equal(column("beta"), beta, equal_nan=True)
        assert np.array_equal(column("se"), se, equal_nan=True)
t = column("beta").astype("f8") / column("se").astype("f8")
assert np.allclose(column("t_stat"), t, rtol=1e-6, equal_nan=True)
print(table.num_rows)
