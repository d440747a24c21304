#!/usr/bin/env python3
"""Times one training step in PyTorch: the model, the sizes and the options of `tapehead bench`.

Forward, backward, clipping to norm 1 and AdamW, in float, on fixed random tokens, written to be as fast as PyTorch
allows: queries, keys and values in one product, fused attention and fused AdamW where this PyTorch has them, no copies
that can be spared. Every setting is measured in a process of its own; with `best` the fastest one is reported.

    python peer_step.py --model decoder --layers 4 --d-model 128 --d-ff 512 --length 64 --batch 12 --vocabulary 65 --json
"""
from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable

Result = dict[str, Any]

SETTING = "TAPEHEAD_PEER_SETTING"  # in the environment of the processes that measure
WIDE_VECTORS = "avx512f"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--model", choices=["decoder", "transformer"], default="decoder")
    add("--layers", type=int, default=2, help="of the encoder and of the decoder each")
    add("--heads", type=int, default=4)
    add("--d-model", type=int, default=64)
    add("--d-ff", type=int, default=256)
    add("--length", type=int, default=16, help="tokens of every sequence, source and target alike")
    add("--batch", type=int, default=32)
    add("--vocabulary", type=int, default=16)
    add("--activation", choices=["relu", "gelu"], default="relu")
    add("--positions", choices=["sinusoidal", "learned", "none"], default="sinusoidal")
    add("--norm", choices=["pre", "post"], default="pre")
    add("--threads", default="best", help="a number, or best: 1, 2, 4 … up to the cores there are")
    add("--attention", choices=["best", "fused", "plain"], default="best", help="fused: scaled_dot_product_attention")
    add("--steps", type=int, default=0, help="0: as many as fit in two seconds, and at least five")
    add("--warmup-steps", type=int, default=3)
    add("--compile", action="store_true", help="torch.compile the whole forward pass")
    add("--json", action="store_true", help="print the result as one JSON object")
    return parser.parse_args()


# ------------------------------------------------------------------------------------------------------ the parent


def candidates(options: argparse.Namespace) -> list[dict[str, Any]]:
    """The settings that are measured. A process that has no fused attention measures the plain one and says so."""
    cores = os.cpu_count() or 1
    doubled = [1 << i for i in range(cores.bit_length()) if 1 << i < cores] + [cores]
    threads = doubled if options.threads == "best" else [int(options.threads)]
    kinds = ["fused", "plain"] if options.attention == "best" else [options.attention]
    return [{"threads": t, "attention": kind} for t in threads for kind in kinds]


def environment(setting: dict[str, Any]) -> dict[str, str]:
    """What makes PyTorch fast and must be known before it starts."""
    result = dict(os.environ)
    result[SETTING] = json.dumps(setting)
    result["OMP_NUM_THREADS"] = result["MKL_NUM_THREADS"] = str(setting["threads"])
    openblas = Path(sys.prefix) / "openblas"
    if openblas.is_dir():
        result["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, [str(openblas), result.get("LD_LIBRARY_PATH")]))
        if "OPENBLAS_CORETYPE" not in result and WIDE_VECTORS in processor_flags():
            result["OPENBLAS_CORETYPE"] = "SkylakeX"
    return result


def processor_flags() -> set[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())


def measure_apart(setting: dict[str, Any]) -> Result:
    """The result of this script, run in a process of its own with the setting."""
    done = subprocess.run([sys.executable, *sys.argv], env=environment(setting), stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"peer_step: the process that measures {setting} ended with {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def measure_all(options: argparse.Namespace) -> Result:
    """The fastest setting's result. A setting that turns out to be one already measured is not repeated."""
    results: list[Result] = []
    fused_is_missing = False
    for setting in candidates(options):
        if setting["attention"] == "plain" and fused_is_missing:
            continue
        results.append(measure_apart(setting))
        fused_is_missing = setting["attention"] == "fused" and not results[-1]["fused_attention"]
    best = min(results, key=lambda r: r["step_ms_median"])
    keys = ("threads", "fused_attention", "step_ms_median", "peak_rss_bytes")
    best["settings"] = [{key: r[key] for key in keys} for r in results]
    return best


def print_text(result: Result) -> None:
    print(f"PyTorch {result['torch']}, {result['blas']}: {result['parameters']} parameters")
    for setting in result["settings"]:
        attention = "fused" if setting["fused_attention"] else "plain"
        print(f"  {setting['threads']} threads, {attention} attention: {setting['step_ms_median']:.2f} ms")
    print(
        f"{result['step_ms_median']:.2f} ms a step (least {result['step_ms_min']:.2f}, {result['steps']} steps), "
        f"{result['tokens_per_second']:.0f} tokens/s, {result['peak_rss_bytes'] / 1e6:.0f} MB at its peak, "
        f"{result['fused_optimizer']} AdamW"
    )


# ------------------------------------------------------------------------------------------ the process that measures


def measure(options: argparse.Namespace, setting: dict[str, Any]) -> Result:
    import torch

    import peer_model

    torch.set_num_threads(setting["threads"])
    torch.manual_seed(1)
    fused = setting["attention"] == "fused" and peer_model.HAS_FUSED_ATTENTION
    model = peer_model.Model(options, fused)
    step, optimizer = peer_model.make_step(model, options)
    times = timed_steps(step, options.steps, options.warmup_steps)
    median = statistics.median(times)
    return {
        "step_ms_median": median * 1e3,
        "step_ms_min": min(times) * 1e3,
        "steps": len(times),
        "tokens_per_second": options.batch * options.length / median,
        "peak_rss_bytes": peak_memory(),
        "threads": torch.get_num_threads(),
        "parameters": sum(p.numel() for p in model.parameters()),
        "torch": torch.__version__,
        "blas": peer_model.blas_name(),
        "fused_attention": fused,
        "fused_optimizer": optimizer,
        "compiled": options.compile,
    }


def timed_steps(step: Callable[[], object], steps: int, warmup_steps: int) -> list[float]:
    """Seconds of each step after the warm-up. Nothing is collected while the clock runs."""
    for _ in range(warmup_steps):
        step()
    gc.collect()
    gc.freeze()
    gc.disable()
    times: list[float] = []
    end = time.perf_counter() + 2
    while len(times) < steps if steps > 0 else len(times) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return times


def peak_memory() -> int:
    """Most resident bytes of this program. ru_maxrss would count what stood in the process before it, too."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    options = parse_arguments()
    if SETTING in os.environ:
        print(json.dumps(measure(options, json.loads(os.environ[SETTING]))))
        return
    result = measure_all(options)
    if options.json:
        print(json.dumps(result))
    else:
        print_text(result)


if __name__ == "__main__":
    main()
