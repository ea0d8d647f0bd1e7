/** The last pictures a phone has sent, until the verdict on them is back. Pure. */

const MOST = 10;
const CODE = /^#([0-9A-Za-z]{6,20})$/;

/**
 * The code of a link, or nothing.
 * @param {string} hash
 */
export const codeOf = (hash) => CODE.exec(hash)?.[1] ?? "";

export class PhoneStills {
  constructor() {
    /** @type {Map<number, Blob>} */
    this.sent = new Map();
  }

  /**
   * @param {number} number as the server counts it
   * @param {Blob} jpeg
   */
  add(number, jpeg) {
    this.sent.set(number, jpeg);
    for (const old of [...this.sent.keys()].slice(0, -MOST)) this.sent.delete(old);
  }

  /**
   * The picture of a verdict, once; those before it are forgotten.
   * @param {number} number
   * @returns {Blob | null}
   */
  take(number) {
    const found = this.sent.get(number) ?? null;
    for (const old of [...this.sent.keys()]) if (old <= number) this.sent.delete(old);
    return found;
  }
}
