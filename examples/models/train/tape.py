"""A small reverse-mode tape over numpy: enough to train the models of this folder, no more.

A Var holds a float32 array, its gradient and a closure that passes the gradient to its parents.
Images are [N, H, W, C] here (a convolution is then one matmul per filter tap); the exporters
transpose weights to ONNX's order. Everything runs on fixed seeds, so a script gives the same
model again on the same machine and library versions.
"""
import numpy as np

F32 = np.float32


class Var:
    def __init__(self, value, parents=(), back=None):
        self.value = np.asarray(value, F32)
        self.grad = None
        self.parents, self.back = parents, back

    def give(self, grad):
        """Add to the gradient, summing over axes that broadcasting had stretched."""
        shape = self.value.shape
        while grad.ndim > len(shape):
            grad = grad.sum(0)
        for axis, n in enumerate(shape):
            if n == 1 and grad.shape[axis] != 1:
                grad = grad.sum(axis, keepdims=True)
        self.grad = grad.astype(F32) if self.grad is None else self.grad + grad

    def backward(self):
        """Walk the tape from this scalar to the leaves, each Var after all its users."""
        order, seen, stack = [], set(), [(self, False)]
        while stack:
            v, done = stack.pop()
            if done:
                order.append(v)
            elif id(v) not in seen:
                seen.add(id(v))
                stack.append((v, True))
                stack.extend((p, False) for p in v.parents)
        self.grad = np.ones_like(self.value)
        for v in reversed(order):
            if v.back and v.grad is not None:
                v.back(v.grad)

    def __add__(self, o):
        o = as_var(o)
        return Var(self.value + o.value, (self, o), lambda g: (self.give(g), o.give(g)))

    def __mul__(self, o):
        o = as_var(o)
        return Var(self.value * o.value, (self, o),
                   lambda g: (self.give(g * o.value), o.give(g * self.value)))

    def __sub__(self, o):
        return self + as_var(o) * -1.0

    def __matmul__(self, o):
        """Batched product; a plain matrix on the right is shared by the whole batch."""
        def back(g):
            self.give(g @ o.value.swapaxes(-1, -2))
            if o.value.ndim == 2 and self.value.ndim > 2:
                rows = self.value.reshape(-1, self.value.shape[-1])
                o.give(rows.T @ g.reshape(-1, g.shape[-1]))
            else:
                o.give(self.value.swapaxes(-1, -2) @ g)
        return Var(self.value @ o.value, (self, o), back)

    def __getitem__(self, key):
        def back(g):
            full = np.zeros_like(self.value)
            full[key] = g
            self.give(full)
        return Var(self.value[key], (self,), back)

    def reshape(self, *shape):
        return Var(self.value.reshape(shape), (self,), lambda g: self.give(g.reshape(self.value.shape)))

    def transpose(self, *axes):
        return Var(self.value.transpose(axes), (self,), lambda g: self.give(g.transpose(np.argsort(axes))))

    def mean(self, axes):
        n = int(np.prod([self.value.shape[a] for a in axes]))
        return Var(self.value.mean(axes), (self,), lambda g: self.give(
            np.broadcast_to(np.expand_dims(g, axes), self.value.shape) / F32(n)))


def as_var(x):
    return x if isinstance(x, Var) else Var(x)


def relu(x):
    return Var(np.maximum(x.value, 0), (x,), lambda g: x.give(g * (x.value > 0)))


def sigmoid(x):
    y = 1 / (1 + np.exp(-x.value))
    return Var(y, (x,), lambda g: x.give(g * y * (1 - y)))


def tanh(x):
    y = np.tanh(x.value)
    return Var(y, (x,), lambda g: x.give(g * (1 - y * y)))


def erf(x):
    """Abramowitz and Stegun 7.1.26, absolute error below 1.5e-7."""
    t = 1 / (1 + 0.3275911 * np.abs(x))
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.sign(x) * (1 - poly * np.exp(-x * x))


def gelu(x):
    """x times the normal distribution's cumulative function (the exact, erf form)."""
    phi = 0.5 * (1 + erf(x.value / np.sqrt(2)))
    return Var(x.value * phi, (x,), lambda g: x.give(
        g * (phi + x.value * np.exp(-0.5 * x.value ** 2) / np.sqrt(2 * np.pi))))


def softmax(x):
    e = np.exp(x.value - x.value.max(-1, keepdims=True))
    y = e / e.sum(-1, keepdims=True)
    return Var(y, (x,), lambda g: x.give(y * (g - (g * y).sum(-1, keepdims=True))))


def cross_entropy(logits, labels, smooth=0.0):
    """Mean loss over rows [N, C] with integer labels [N]."""
    n, c = logits.value.shape
    z = logits.value - logits.value.max(-1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(-1, keepdims=True))
    want = np.full((n, c), smooth / c, F32)
    want[np.arange(n), labels] += 1 - smooth
    return Var(-(want * logp).sum() / n, (logits,), lambda g: logits.give(g * (np.exp(logp) - want) / n))


def layer_norm(x, gain, shift, eps=1e-5):
    xc = x.value - x.value.mean(-1, keepdims=True)
    inv = 1 / np.sqrt((xc * xc).mean(-1, keepdims=True) + eps)
    n = xc * inv

    def back(g):
        gain.give(g * n)
        shift.give(g)
        gn = g * gain.value
        x.give(inv * (gn - gn.mean(-1, keepdims=True) - n * (gn * n).mean(-1, keepdims=True)))
    return Var(n * gain.value + shift.value, (x, gain, shift), back)


def unit_rows(x):
    """Rows divided by their Euclidean length."""
    inv = 1 / np.sqrt((x.value ** 2).sum(-1, keepdims=True))
    y = x.value * inv
    return Var(y, (x,), lambda g: x.give(inv * (g - y * (g * y).sum(-1, keepdims=True))))


def embed(table, ids):
    """Rows of table [V, D] for integer ids of any shape."""
    def back(g):
        full = np.zeros_like(table.value)
        np.add.at(full, ids, g)
        table.give(full)
    return Var(table.value[ids], (table,), back)


def dropout(x, rate, rng):
    keep = (rng.random(x.value.shape) >= rate).astype(F32) / F32(1 - rate)
    return Var(x.value * keep, (x,), lambda g: x.give(g * keep))


def conv(x, w, stride=1, depthwise=False):
    """Convolution of x [N, H, W, C] with half padding; w is [k, k, C, O], or [k, k, C] depthwise."""
    k = w.value.shape[0]
    pad = k // 2
    n, height, width, c = x.value.shape
    xp = np.pad(x.value, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    oh, ow = (height - 1) // stride + 1, (width - 1) // stride + 1
    taps = [(i, j, np.s_[:, i:i + (oh - 1) * stride + 1:stride, j:j + (ow - 1) * stride + 1:stride])
            for i in range(k) for j in range(k)]
    if depthwise:
        y = sum(xp[at] * w.value[i, j] for i, j, at in taps)
    else:
        y = sum(xp[at].reshape(-1, c) @ w.value[i, j] for i, j, at in taps).reshape(n, oh, ow, -1)

    def back(g):
        gx, gw = np.zeros_like(xp), np.zeros_like(w.value)
        rows = g.reshape(-1, g.shape[-1])
        for i, j, at in taps:
            if depthwise:
                gw[i, j] = (xp[at] * g).sum((0, 1, 2))
                gx[at] += g * w.value[i, j]
            else:
                gw[i, j] = xp[at].reshape(-1, c).T @ rows
                gx[at] += (rows @ w.value[i, j].T).reshape(n, oh, ow, c)
        w.give(gw)
        x.give(gx[:, pad:pad + height, pad:pad + width])
    return Var(y, (x, w), back)


class BatchNorm:
    """Normalises the last axis: by the batch while training, by running averages afterwards."""

    def __init__(self, c, momentum=0.1, eps=1e-5):
        self.gain, self.shift = Var(np.ones(c)), Var(np.zeros(c))
        self.mean, self.var = np.zeros(c, F32), np.ones(c, F32)
        self.momentum, self.eps = momentum, eps

    def __call__(self, x, training):
        axes = tuple(range(x.value.ndim - 1))
        if not training:
            scale = self.gain.value / np.sqrt(self.var + self.eps)
            return Var((x.value - self.mean) * scale + self.shift.value)
        m = F32(x.value.size // x.value.shape[-1])
        mean, var = x.value.mean(axes), x.value.var(axes)
        self.mean += F32(self.momentum) * (mean - self.mean)
        self.var += F32(self.momentum) * (var * m / (m - 1) - self.var)
        inv = 1 / np.sqrt(var + self.eps)
        n = (x.value - mean) * inv

        def back(g):
            self.gain.give((g * n).sum(axes))
            self.shift.give(g.sum(axes))
            gn = g * self.gain.value
            x.give(inv * (gn - gn.mean(axes) - n * (gn * n).mean(axes)))
        return Var(n * self.gain.value + self.shift.value, (x, self.gain, self.shift), back)


class Adam:
    """Adam (Kingma and Ba 2015) with a cosine fall of the rate and decoupled weight decay."""

    def __init__(self, params, rate, steps, decay=0.0):
        self.params, self.rate, self.steps, self.decay = params, rate, steps, decay
        self.m = [np.zeros_like(p.value) for p in params]
        self.v = [np.zeros_like(p.value) for p in params]
        self.t = 0

    def step(self):
        self.t += 1
        warm = min(1.0, self.t / max(1, self.steps // 20))
        rate = F32(self.rate * warm * 0.5 * (1 + np.cos(np.pi * self.t / self.steps)))
        fix1, fix2 = F32(1 - 0.9 ** self.t), F32(1 - 0.999 ** self.t)
        for p, m, v in zip(self.params, self.m, self.v):
            m += F32(0.1) * (p.grad - m)
            v += F32(0.001) * (p.grad * p.grad - v)
            if self.decay and p.value.ndim > 1:
                p.value *= 1 - rate * F32(self.decay)
            p.value -= rate * (m / fix1) / (np.sqrt(v / fix2) + F32(1e-8))
            p.grad = None


def normal(rng, *shape, fan=None):
    """A weight drawn with variance 1 / fan (fan: inputs that meet in one output)."""
    fan = fan or shape[-2]
    return Var(rng.standard_normal(shape) / np.sqrt(fan))
