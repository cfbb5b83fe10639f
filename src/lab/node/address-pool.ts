// Addresses for Pods, from the node's range. Pure but for what it remembers.
import { parseCidr, renderIp } from '#base/ip.ts';
import { OperatorError } from '#base/operator-error.ts';

/**
 * Gives each Pod an address. One that has been given back is used again last, so that what others
 * still remember of a Pod that is gone does not meet another one.
 */
export class AddressPool {
  readonly #cidr: string;
  readonly #first: bigint;
  readonly #last: bigint;
  readonly #taken = new Set<bigint>();
  #next: bigint;

  /** @param cidr IPv4; its first two addresses and its last one stay free, as with a bridge */
  constructor(cidr: string) {
    const range = parseCidr(cidr);
    if (range?.version !== 4 || range.last - range.first < 4n) {
      throw new OperatorError('CONFIG_INVALID', `${cidr} is no range for Pods`, {
        remedy: 'give an IPv4 range such as 10.24.2.0/24',
      });
    }
    this.#cidr = cidr;
    this.#first = range.first + 2n;
    this.#last = range.last - 1n;
    this.#next = this.#first;
  }

  /** Undefined when every address is taken. */
  take(): string | undefined {
    const size = this.#last - this.#first + 1n;
    for (let tried = 0n; tried < size; tried += 1n) {
      const candidate = this.#next;
      this.#next = candidate === this.#last ? this.#first : candidate + 1n;
      if (this.#taken.has(candidate)) continue;
      this.#taken.add(candidate);
      return renderIp({ version: 4, value: candidate });
    }
    return undefined;
  }

  giveBack(address: string): void {
    const range = parseCidr(`${address}/32`);
    if (range) this.#taken.delete(range.first);
  }

  get cidr(): string {
    return this.#cidr;
  }
}
