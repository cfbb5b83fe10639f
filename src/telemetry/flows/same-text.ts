// One string for all that are equal: thousands of kinds of traffic name the same few hundred ends.

/** Then it begins anew: those that are in use stay as they are. */
const TEXTS_MAX = 16_384;

export class SameText {
  readonly #texts = new Map<string, string>();

  of(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    if (this.#texts.size >= TEXTS_MAX) this.#texts.clear();
    this.#texts.set(text, text);
    return text;
  }
}
