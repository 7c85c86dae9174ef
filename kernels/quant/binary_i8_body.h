/* binary_i8_body.h - binary_i8 of quant.h, compiled with the flags of the including file's ISA;
 * after quant_body.h. */

QUANT_INLINE float widened(uint8_t x, const binary_i8_operand *p)
{
    const uint8_t flip = p->is_signed ? 0x80 : 0;
    return (float)((int32_t)(x ^ flip) - (p->zero + flip)) * p->scale;
}

QUANT_INLINE float combined(float a, float b, binary_i8_kind fn)
{
    return fn == BINARY_I8_ADD ? a + b : fn == BINARY_I8_SUB ? a - b : a * b;
}

QUANT_INLINE void binary(uint8_t *y, const uint8_t *a, const uint8_t *b, size_t n,
                         const binary_i8_args *args, binary_i8_kind fn)
{
    const binary_i8_args p = *args; /* y may not change it */
    const bounds limits = {p.low, p.high};
    if (p.a.step && p.b.step) {
#pragma GCC ivdep
        for (size_t i = 0; i < n; i++)
            y[i] =
                (uint8_t)(rounded(combined(widened(a[i], &p.a), widened(b[i], &p.b), fn) / p.scale,
                                  limits) +
                          p.zero);
        return;
    }
    const bool left = p.a.step; /* the other one is the same for all */
    const binary_i8_operand *each = left ? &p.a : &p.b;
    const uint8_t *x = left ? a : b;
    const float one = n ? widened(left ? b[0] : a[0], left ? &p.b : &p.a) : 0;
#pragma GCC ivdep
    for (size_t i = 0; i < n; i++) {
        const float v = widened(x[i * each->step], each);
        const float c = left ? combined(v, one, fn) : combined(one, v, fn);
        y[i] = (uint8_t)(rounded(c / p.scale, limits) + p.zero);
    }
}

void IG_ISA(binary_i8)(uint8_t *y, const uint8_t *a, const uint8_t *b, size_t n,
                       const binary_i8_args *p)
{
    switch (p->fn) {
    case BINARY_I8_ADD:
        binary(y, a, b, n, p, BINARY_I8_ADD);
        break;
    case BINARY_I8_SUB:
        binary(y, a, b, n, p, BINARY_I8_SUB);
        break;
    case BINARY_I8_MUL:
        binary(y, a, b, n, p, BINARY_I8_MUL);
        break;
    }
}
