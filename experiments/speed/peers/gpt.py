"""Trains the shape that speed is compared at with PyTorch, and says how fast and how well.

A GPT as trit's preset gpt2 without biases: learned positions, LayerNorm, GELU (tanh), a 4x MLP, tied
head. --quant b1.58: weights by their mean magnitude to -1, 0, 1, inputs to 8 bits a token, both with a
straight-through gradient, in every linear layer but the head. Prints one JSON object.
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
    p.add_argument("text", help="file to train on, taken as bytes")
    p.add_argument("--layers", type=int, default=6)
    p.add_argument("--width", type=int, default=384)
    p.add_argument("--heads", type=int, default=6)
    p.add_argument("--context", type=int, default=256)
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--steps", type=int, default=8)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    p.add_argument("--quant", choices=["none", "b1.58"], default="none")
    return p.parse_args()


def through(x, q):
    """q forward, the gradient of x backward."""
    return x + (q - x).detach()


class Linear(nn.Linear):
    def __init__(self, n_in, n_out, quant):
        super().__init__(n_in, n_out, bias=False)
        self.quant = quant

    def forward(self, x):
        if not self.quant:
            return F.linear(x, self.weight)
        s = self.weight.abs().mean().clamp(min=1e-5)
        w = through(self.weight, (self.weight / s).round().clamp(-1, 1) * s)
        step = x.abs().amax(-1, keepdim=True).clamp(min=1e-5) / 127
        return F.linear(through(x, (x / step).round().clamp(-127, 127) * step), w)


class Block(nn.Module):
    def __init__(self, a):
        super().__init__()
        quant = a.quant != "none"
        self.heads = a.heads
        self.norm1, self.norm2 = nn.LayerNorm(a.width), nn.LayerNorm(a.width)
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
        self.embed, self.position = nn.Embedding(256, a.width), nn.Embedding(a.context, a.width)
        self.blocks = nn.ModuleList(Block(a) for _ in range(a.layers))
        self.norm = nn.LayerNorm(a.width)
        for name, p in self.named_parameters():
            if p.ndim == 2:
                into_stream = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(p, std=0.02 / (2 * a.layers) ** 0.5 if into_stream else 0.02)

    def forward(self, tokens, labels):
        x = self.embed(tokens) + self.position.weight
        for block in self.blocks:
            x = block(x)
        logits = self.norm(x) @ self.embed.weight.t()
        return F.cross_entropy(logits.float().view(-1, 256), labels.reshape(-1))


def main():
    a = arguments()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    with open(a.text, "rb") as f:
        text = torch.frombuffer(bytearray(f.read()), dtype=torch.uint8).long()
    model = GPT(a)
    optimizer = torch.optim.AdamW(model.parameters(), lr=a.lr, betas=(0.9, 0.95), weight_decay=0.1)
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
