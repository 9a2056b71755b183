/** sfc32: 32-bit operations only, so that other languages draw the same. */
export class Random {
  #a: number;
  #b = 0x9e3779b9 | 0;
  #c = 0x243f6a88;
  #d = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    for (let i = 0; i < 16; i++) this.bits();
  }

  /** 32 of them, signed. */
  bits(): number {
    const sum = (this.#a + this.#b + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum;
  }

  /** In `[0, 1)`. */
  unit(): number {
    return (this.bits() >>> 0) / 4_294_967_296;
  }

  /** A whole number in `[0, limit)`. */
  below(limit: number): number {
    return Math.floor(this.unit() * limit);
  }

  /** So many hexadecimal digits. */
  hex(digits: number): string {
    let text = "";
    for (let i = 0; i < digits; i += 8) {
      const bits = this.bits();
      for (let k = 0; k < 8 && i + k < digits; k++) text += "0123456789abcdef"[(bits >>> (4 * k)) & 15];
    }
    return text;
  }
}
