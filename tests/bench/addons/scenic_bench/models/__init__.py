from . import scenic_bench_pass
