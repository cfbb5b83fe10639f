// Header blocks of SPDY/3: names and values, compressed with one zlib stream for each direction
// that starts from a dictionary which both sides know (§2.6.10.1).
import { constants, createDeflate, createInflate } from 'node:zlib';
import type { Transform } from 'node:stream';
import { SpdyError } from './spdy-frames.ts';

/** Each preceded by its length; spaces within one are written as underscores here. */
const WORDS =
  'options head post put delete trace accept accept-charset accept-encoding accept-language ' +
  'accept-ranges age allow authorization cache-control connection content-base content-encoding ' +
  'content-language content-length content-location content-md5 content-range content-type date ' +
  'etag expect expires from host if-match if-modified-since if-none-match if-range ' +
  'if-unmodified-since last-modified location max-forwards pragma proxy-authenticate ' +
  'proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade ' +
  'user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url ' +
  'public set-cookie keep-alive origin';

const TEXT =
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505' +
  '203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request' +
  '401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented' +
  '503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 ' +
  'Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,' +
  'application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=' +
  'gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.';

export const DICTIONARY: Buffer = Buffer.concat([
  ...WORDS.split(' ').flatMap((word) => sized(word.replace('_', ' '))),
  Buffer.from(TEXT),
]);

/** kubectl sends three short headers. */
const BLOCK_BYTES_MAX = 4_096;
const PAIRS_MAX = 64;

export type SpdyHeaders = ReadonlyMap<string, string>;

function sized(text: string): [Buffer, Buffer] {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return [length, bytes];
}

export class HeaderDecoder {
  readonly #inflate = createInflate({ dictionary: DICTIONARY });

  /** One block after the other, in the order in which they came. @throws SpdyError */
  async decode(block: Buffer): Promise<SpdyHeaders> {
    if (block.length > BLOCK_BYTES_MAX) throw new SpdyError('a header block is too big');
    try {
      return parsePairs(await pass(this.#inflate, block));
    } catch (error) {
      if (error instanceof RangeError || (error instanceof Error && 'code' in error)) {
        throw new SpdyError(`a header block cannot be read: ${error.message}`);
      }
      throw error;
    }
  }

  close(): void {
    this.#inflate.destroy();
  }
}

export class HeaderEncoder {
  readonly #deflate = createDeflate({ dictionary: DICTIONARY, flush: constants.Z_SYNC_FLUSH });

  async encode(headers: SpdyHeaders): Promise<Buffer> {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(headers.size);
    const pairs = [...headers].flatMap(([name, value]) => [...sized(name), ...sized(value)]);
    return await pass(this.#deflate, Buffer.concat([count, ...pairs]));
  }

  close(): void {
    this.#deflate.destroy();
  }
}

/** What comes out of a zlib stream for what goes in. */
async function pass(stream: Transform, input: Buffer): Promise<Buffer> {
  await new Promise<void>((resolve, reject) => {
    stream.once('error', reject);
    stream.write(input, () => {
      stream.off('error', reject);
      resolve();
    });
  });
  const parts: Buffer[] = [];
  for (let part: unknown = stream.read(); part instanceof Buffer; part = stream.read()) {
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** @throws RangeError when it ends too early */
function parsePairs(block: Buffer): SpdyHeaders {
  let offset = 0;
  const number = (): number => {
    const value = block.readUInt32BE(offset);
    offset += 4;
    return value;
  };
  const text = (): string => {
    const length = number();
    if (offset + length > block.length) throw new RangeError('it ends too early');
    offset += length;
    return block.toString('utf8', offset - length, offset);
  };
  const count = number();
  if (count > PAIRS_MAX) throw new SpdyError(`${count} headers`);
  const headers = new Map<string, string>();
  for (let index = 0; index < count; index += 1) headers.set(text().toLowerCase(), text());
  return headers;
}
