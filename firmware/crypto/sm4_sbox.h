/*
 * The S-box of SM4 as 108 gates on eight bit planes, a template: define SM4_SBOX (the name of the
 * function to make) and SM4_WORD (the type of a plane), then include this file. Each bit position
 * of the planes is one S-box; plane k holds bit k of every byte, bit 0 being the least one.
 *
 * The standard's table is S(x) = A . I(A . x + D3) + D3 over GF(2), where I inverts (0 to 0) in
 * GF(2^8) mod z^8+z^7+z^6+z^5+z^4+z^2+1, written 1F5, and A is circulant: bit i of A . x is the
 * parity of x & (A7 turned left by i). As A . 75 = D3, the function made here leaves both
 * constants out, S(x) = f(x + 75) + D3: callers fold them into round keys. (tests/unit/test_sm4.c
 * compares f with the table.)
 *
 * How f comes about. In 1F5, w = 5C and w^2 = 5D span GF(4) as a normal basis; e^4 = 0D and
 * e = 0C span GF(16) over GF(4), with e + e^4 = 1 and e^5 = w; d^16 = 57 and d = 07 span GF(256)
 * over GF(16), with t = d + d^16 = 50.
 *   - GF(4), (r1,r0) standing for r1 w^2 + r0 w: with m = (a1+a0)(b1+b0) the product is
 *     (m + a1 b1, m + a0 b0), w times (r1,r0) is (r1+r0, r1), the square (and the inverse) of
 *     (r1,r0) is (r0,r1).
 *   - GF(16), (R1,R0) standing for R1 e^4 + R0 e: with M = w (A1+A0)(B1+B0) the product is
 *     (M + A1 B1, M + A0 B0). So a product costs nine ands of forms linear in its factors, and
 *     with F = A1 A0 + w (A1+A0)^2 the inverse is (A0 F^-1, A1 F^-1).
 *   - GF(256): y = g d^16 + h d has the norm y^17 = t^2 (g h + (g+h)^2 d^17/t^2) and the inverse
 *     y^16 / y^17 = E (g d + h d^16) / t^2, where E is the inverse of the sum in brackets, F.
 * Step 1 makes the 9 forms of g and 9 of h that the products want, straight from x (A included).
 * Step 2 makes F. Where x|y stands in place of x&y, it adds x + y: this takes in the most of
 * (g+h)^2 d^17/t^2; a0 and x6 are what remains of it. Step 3 inverts F in GF(16), likewise; step 4
 * multiplies by g and h; step 5 is the linear map of the 18 products back to bits (A included).
 * The bases, the choice of ors and the two linear steps were searched for the fewest gates.
 */
static inline void SM4_SBOX(SM4_WORD x[8])
{
    const SM4_WORD x0 = x[0], x1 = x[1], x2 = x[2], x3 = x[3];
    const SM4_WORD x4 = x[4], x5 = x[5], x6 = x[6], x7 = x[7];

    const SM4_WORD a0 = x3 ^ x5, a1 = x1 ^ x5, a2 = x0 ^ a0, a3 = x0 ^ a1, a4 = x2 ^ x6,
                   a5 = x7 ^ a0, a6 = x3 ^ a3, a7 = a1 ^ a5, a8 = x1 ^ a4, a9 = x4 ^ x7,
                   a10 = x5 ^ a9, a11 = a2 ^ a10, a12 = a4 ^ a11, a13 = a6 ^ a12, a14 = x6 ^ a13,
                   a15 = a7 ^ a14, a16 = x0 ^ a15, a17 = a3 ^ a14;

    const SM4_WORD p0 = a15 & a6, p1 = a7 | a12, p2 = a14 | a13, p3 = x0 | a2, p4 = a1 & a11,
                   p5 = a3 & a10, p6 = a16 | x1, p7 = a5 | a4, p8 = a17 & a8;
    const SM4_WORD m1 = p6 ^ p7, m0 = p6 ^ p8;
    const SM4_WORD f3 = p0 ^ p2 ^ m1 ^ a0, f2 = p1 ^ p2 ^ m0, f1 = p3 ^ p5 ^ m1,
                   f0 = p4 ^ p5 ^ m0 ^ x6;

    const SM4_WORD f32 = f3 ^ f2, f10 = f1 ^ f0;
    const SM4_WORD d0 = (f32 | f10) ^ (f3 & f1), d1 = (f32 & f10) ^ (f2 | f0), d10 = d1 ^ d0;
    const SM4_WORD u = f10 & d10, u1 = f1 & d1, u0 = f0 & d0;
    const SM4_WORD v = f32 & d10, v1 = f3 & d1, v0 = f2 & d0;
    const SM4_WORD e0 = u ^ u1, e1 = u ^ u0, e2 = u1 ^ u0, e3 = v ^ v1, e4 = v ^ v0, e5 = v1 ^ v0,
                   e6 = e0 ^ e3, e7 = e1 ^ e4, e8 = e2 ^ e5;

    const SM4_WORD g0 = a15 & e0, g1 = a7 & e1, g2 = a14 & e2, g3 = x0 & e3, g4 = a1 & e4,
                   g5 = a3 & e5, g6 = a16 & e6, g7 = a5 & e7, g8 = a17 & e8;
    const SM4_WORD h0 = a6 & e0, h1 = a12 & e1, h2 = a13 & e2, h3 = a2 & e3, h4 = a11 & e4,
                   h5 = a10 & e5, h6 = x1 & e6, h7 = a4 & e7, h8 = a8 & e8;

    const SM4_WORD b0 = h1 ^ h2, b1 = h6 ^ b0 ^ h8, b2 = h5 ^ b0 ^ h4, b3 = g6 ^ b2,
                   b4 = h3 ^ h8 ^ h4, b5 = h0 ^ h2 ^ h6 ^ b4, b6 = g2 ^ b5, b7 = g0 ^ b6,
                   b8 = g8 ^ b3, b9 = g3 ^ b7, b10 = g4 ^ b8 ^ b9, b11 = g7 ^ b3 ^ b7;

    x[0] = b1 ^ b11;
    x[1] = b10;
    x[2] = b5 ^ b10 ^ b11;
    x[3] = b2;
    x[4] = b1 ^ b10;
    x[5] = g5 ^ b9;
    x[6] = g1 ^ b6 ^ b8;
    x[7] = h7 ^ b4;
}
#undef SM4_SBOX
#undef SM4_WORD
