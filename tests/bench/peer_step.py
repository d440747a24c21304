#!/usr/bin/env python3
"""Times one training step in PyTorch: the model, the sizes and the options of `tapehead bench`.

Forward, backward, clipping to norm 1 and AdamW, in float, on fixed random tokens, written to be as fast as PyTorch
allows: queries, keys and values in one product; fused attention, chunked cross-entropy and fused AdamW where this
PyTorch has them; no copies that can be spared. Every setting is measured in a process of its own; with `best` the
fastest one is reported, and all of them in `settings`.

    python peer_step.py --model decoder --layers 4 --d-model 128 --d-ff 512 --length 64 --batch 12 --vocabulary 65
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
KEPT_BYTES = str(1 << 32)
CHOICES = {  # of each setting, the usual one last
    "attention": ["fused", "plain"],  # fused: scaled_dot_product_attention
    "loss": ["chunked", "whole"],  # chunked: linear_cross_entropy, which never holds all logits
    "memory": ["kept", "returned"],  # kept: glibc keeps large blocks for reuse
}


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--model", choices=["decoder", "encoder", "transformer", "rnn", "rnn_without_attention", "convolution"],
        default="decoder")
    add("--cell", choices=["gru", "lstm", "tanh"], default="gru", help="of recurrent models")
    add("--kernel-width", type=int, default=3, help="of convolutional models")
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
    for name, choices in CHOICES.items():
        add(f"--{name}", choices=["best", *choices], default="best")
    add("--steps", type=int, default=0, help="0: as many as fit in two seconds, and at least five")
    add("--warmup-steps", type=int, default=3)
    add("--compile", action="store_true", help="torch.compile the whole forward pass")
    add("--json", action="store_true", help="print the result as one JSON object")
    return parser.parse_args()


# ------------------------------------------------------------------------------------------------------ the parent


def thread_counts(text: str) -> list[int]:
    if text != "best":
        return [int(text)]
    cores = os.cpu_count() or 1
    return [1 << i for i in range(cores.bit_length()) if 1 << i < cores] + [cores]


def environment(setting: dict[str, Any]) -> dict[str, str]:
    """What makes PyTorch fast and must be known before it starts."""
    result = dict(os.environ)
    result[SETTING] = json.dumps(setting)
    result["PYTHONDONTWRITEBYTECODE"] = "1"
    result["OMP_NUM_THREADS"] = result["MKL_NUM_THREADS"] = str(setting["threads"])
    if setting["memory"] == "kept":
        result["MALLOC_MMAP_THRESHOLD_"] = result["MALLOC_TRIM_THRESHOLD_"] = KEPT_BYTES
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


def least_step_ms(result: Result) -> float:
    """What settings are chosen by: a moment in which another program works changes it less than it does the median."""
    return result["step_ms_min"]


def measure_all(options: argparse.Namespace) -> Result:
    """The fastest setting's result: first of threads and attention together, then of one thing at a time."""
    fixed = {name: getattr(options, name) for name in CHOICES}
    usual = {name: CHOICES[name][-1] if fixed[name] == "best" else fixed[name] for name in CHOICES}
    results: list[Result] = []

    def try_choices(name: str, others: Result) -> None:
        for choice in CHOICES[name] if fixed[name] == "best" else [fixed[name]]:
            setting = {**others, name: choice}
            if setting not in [r["setting"] for r in results]:
                results.append(measure_apart(setting))

    for threads in thread_counts(options.threads):
        try_choices("attention", {"threads": threads, **usual})
    for name in ("loss", "memory"):
        try_choices(name, min(results, key=least_step_ms)["setting"])
    keys = ("setting", "step_ms_median", "peak_rss_bytes")
    return {**min(results, key=least_step_ms), "settings": [{key: r[key] for key in keys} for r in results]}


def print_text(result: Result) -> None:
    print(f"PyTorch {result['torch']}, {result['blas']}: {result['parameters']} parameters")
    for tried in result["settings"]:
        setting = ", ".join(f"{name} {choice}" for name, choice in tried["setting"].items())
        print(f"  {setting}: {tried['step_ms_median']:.2f} ms, {tried['peak_rss_bytes'] / 1e6:.0f} MB")
    print(
        f"{result['step_ms_median']:.2f} ms a step (least {result['step_ms_min']:.2f}, {result['steps']} steps), "
        f"{result['tokens_per_second']:.0f} tokens/s, {result['peak_rss_bytes'] / 1e6:.0f} MB at its peak, "
        f"{result['fused_optimizer']} AdamW"
    )


# ------------------------------------------------------------------------------------------ the process that measures


def measure(options: argparse.Namespace, setting: dict[str, Any]) -> Result:
    import torch

    import peer_convolution
    import peer_model
    import peer_recurrent

    torch.set_num_threads(setting["threads"])
    torch.manual_seed(1)  # ids and weights
    fused = setting["attention"] == "fused" and peer_model.HAS_FUSED_ATTENTION
    chunked = setting["loss"] == "chunked" and peer_model.HAS_CHUNKED_LOSS
    if options.model.startswith("rnn"):
        options.positions = "none"
        model = peer_recurrent.Recurrent(options, fused, chunked)
    elif options.model == "convolution":
        model = peer_convolution.Convolution(options, fused, chunked)
    else:
        model = peer_model.Model(options, fused, chunked)
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
        "setting": {
            "threads": torch.get_num_threads(),
            "attention": "fused" if fused else "plain",
            "loss": "chunked" if chunked else "whole",
            "memory": setting["memory"],
        },
        "parameters": sum(p.numel() for p in model.parameters()) - getattr(model, "repeated_biases", 0),
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
