"""Trains the shape that speed is compared at with PyTorch, and says how fast and how well.

A GPT as trit's preset gpt2 without biases: learned positions, LayerNorm, GELU (tanh), a 4x MLP, tied
head, 257 tokens (bytes and an end). --quant b1.58: weights by their mean magnitude to -1, 0, 1, inputs to
8 bits a token, both with a straight-through gradient, in every linear layer but the head. AdamW decays
matrices, as trit does; the learning rate is constant. Prints one JSON object; --check instead looks
whether all of that is so (check.sh).
"""
import argparse
import json
import resource
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("text", nargs="?", help="file to train on, taken as bytes")
    p.add_argument("--check", action="store_true", help="look at the model instead of training it")
    p.add_argument("--layers", type=int, default=6)
    p.add_argument("--width", type=int, default=384)
    p.add_argument("--heads", type=int, default=6)
    p.add_argument("--context", type=int, default=256)
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--vocab", type=int, default=257, help="tokens beyond 256 do not occur in the text")
    p.add_argument("--steps", type=int, default=8)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    p.add_argument("--quant", choices=["none", "b1.58"], default="none")
    a = p.parse_args()
    if not a.text and not a.check:
        p.error("a text to train on is missing")
    return a


def through(x, q):
    """q forward, the gradient of x backward."""
    return x + (q - x).detach()


def ternary(w):
    """Wang et al. 2024, arXiv 2402.17764: absmean."""
    s = w.abs().mean().clamp(min=1e-5)
    return (w / s).round().clamp(-1, 1) * s


def int8_per_token(x):
    """The same: absmax to 127."""
    step = x.abs().amax(-1, keepdim=True).clamp(min=1e-5) / 127
    return (x / step).round().clamp(-128, 127) * step


class Linear(nn.Linear):
    def __init__(self, n_in, n_out, quant):
        super().__init__(n_in, n_out, bias=False)
        self.quant = quant

    def forward(self, x):
        if not self.quant:
            return F.linear(x, self.weight)
        w = through(self.weight, ternary(self.weight))
        return F.linear(through(x, int8_per_token(x)), w)


class Norm(nn.LayerNorm):
    """LayerNorm without a bias."""

    def __init__(self, width):
        super().__init__(width)
        self.register_parameter("bias", None)


class Block(nn.Module):
    def __init__(self, a):
        super().__init__()
        quant = a.quant != "none"
        self.heads = a.heads
        self.norm1, self.norm2 = Norm(a.width), Norm(a.width)
        self.qkv = nn.ModuleList(Linear(a.width, a.width, quant) for _ in range(3))
        self.out = Linear(a.width, a.width, quant)
        self.up = Linear(a.width, 4 * a.width, quant)
        self.down = Linear(4 * a.width, a.width, quant)
        mask = torch.ones(a.context, a.context, dtype=torch.bool).triu(1)
        self.register_buffer("mask", mask, persistent=False)

    def attention(self, x):
        B, T, C = x.shape
        q, k, v = (f(x).view(B, T, self.heads, C // self.heads).transpose(1, 2) for f in self.qkv)
        if hasattr(F, "scaled_dot_product_attention"):
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            s = q @ k.transpose(-2, -1) * (C // self.heads) ** -0.5
            y = s.masked_fill(self.mask, float("-inf")).softmax(-1) @ v
        return self.out(y.transpose(1, 2).reshape(B, T, C))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        h = F.gelu(self.up(self.norm2(x)), approximate="tanh")
        return x + self.down(h)


class GPT(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.embed, self.position = nn.Embedding(a.vocab, a.width), nn.Embedding(a.context, a.width)
        self.blocks = nn.ModuleList(Block(a) for _ in range(a.layers))
        self.norm = Norm(a.width)
        for name, p in self.named_parameters():
            if p.ndim == 2:
                into_stream = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(p, std=0.02 / (2 * a.layers) ** 0.5 if into_stream else 0.02)

    def forward(self, tokens, labels):
        x = self.embed(tokens) + self.position.weight
        for block in self.blocks:
            x = block(x)
        logits = self.norm(x) @ self.embed.weight.t()
        return F.cross_entropy(logits.float().view(-1, logits.shape[-1]), labels.reshape(-1))


def check(a):
    """Counts parameters; sees that autocast reaches every product, and that quantized weights and inputs
    are what the papers say, with the straight-through gradient."""
    model = GPT(a)
    wanted = torch.bfloat16 if a.precision == "bf16" else torch.float32
    linear = [m for m in model.modules() if isinstance(m, Linear)]
    seen = []
    for m in linear:
        m.register_forward_hook(lambda m, x, y: seen.append(y.dtype))
    x = torch.randint(a.vocab, (2, a.context))
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=a.precision == "bf16"):
        head = model.norm(model.embed(x)) @ model.embed.weight.t()
        loss = model(x, x)
    loss.backward()
    assert len(seen) == 6 * a.layers and all(d == wanted for d in seen), seen
    assert head.dtype == wanted and loss.dtype == torch.float32
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in model.parameters())
    assert all(m.quant == (a.quant != "none") for m in linear)
    w, v = torch.randn(8, 16), torch.randn(4, 16)
    s, step = w.abs().mean(), v.abs().amax(-1, keepdim=True) / 127
    assert set((ternary(w) / s).round().unique().tolist()) == {-1, 0, 1}
    assert (ternary(w) / s - (w / s).round().clamp(-1, 1)).abs().max() < 1e-6
    assert ((int8_per_token(v) - v).abs() <= 0.5 * step + 1e-6).all()
    assert (int8_per_token(v).abs().amax(-1) - v.abs().amax(-1)).abs().max() < 1e-5
    w.requires_grad_(True)
    (through(w, ternary(w)) * 3).sum().backward()
    assert (w.grad == 3).all()
    print(json.dumps({"parameters": sum(p.numel() for p in model.parameters()),
                      "product": str(wanted), "version": torch.__version__}))


def main():
    a = arguments()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    if a.check:
        return check(a)
    with open(a.text, "rb") as f:
        text = torch.frombuffer(bytearray(f.read()), dtype=torch.uint8).long()
    model = GPT(a)
    decayed = [p for p in model.parameters() if p.ndim == 2]
    rest = [p for p in model.parameters() if p.ndim != 2]
    optimizer = torch.optim.AdamW([{"params": decayed}, {"params": rest, "weight_decay": 0}], lr=a.lr,
                                  betas=(0.9, 0.95), weight_decay=0.1)
    seconds, losses = [], []
    for _ in range(a.steps):
        at = torch.randint(len(text) - a.context - 1, (a.batch,)).tolist()
        x = torch.stack([text[i:i + a.context] for i in at])
        y = torch.stack([text[i + 1:i + 1 + a.context] for i in at])
        begin = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=a.precision == "bf16"):
            loss = model(x, y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        seconds.append(time.perf_counter() - begin)
        losses.append(loss.item())
    step = statistics.median(seconds[1:] or seconds)  # the first one allocates
    print(json.dumps({
        "mode": f"torch-{a.precision}-{a.quant}",
        "version": torch.__version__,
        "tokens_per_second": round(a.batch * a.context / step, 1),
        "step_seconds": round(step, 5),
        "loss": round(statistics.mean(losses[-10:]), 4),
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }))


if __name__ == "__main__":
    main()
