// Undoes Content-Encoding: gzip within a bound: a small body can never become a large one.
// The whole body or a Problem; never a part of it.
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { bodyBytesMax } from '../limits.ts';
import { Problem } from './problems.ts';

const gunzipped = promisify(gunzip);

export async function inflated(bytes: Buffer, encoding: string | undefined): Promise<Buffer> {
  if (encoding === undefined) return bytes;
  switch (encoding.trim().toLowerCase()) {
    case '':
    case 'identity':
      return bytes;
    case 'gzip':
    case 'x-gzip':
      return gunzippedWithin(bytes);
    default:
      throw new Problem('unsupported_media_type', 'The Content-Encoding is not gzip.', {
        headers: { 'Accept-Encoding': 'gzip' },
      });
  }
}

async function gunzippedWithin(bytes: Buffer): Promise<Buffer> {
  try {
    return await gunzipped(bytes, { maxOutputLength: bodyBytesMax });
  } catch (thrown) {
    if (isTooLarge(thrown)) throw tooLargeInflated();
    throw new Problem('not_gzip', 'The body cannot be inflated; nothing was counted.');
  }
}

function isTooLarge(thrown: unknown): boolean {
  if (typeof thrown !== 'object' || thrown === null) return false;
  return 'code' in thrown && thrown.code === 'ERR_BUFFER_TOO_LARGE';
}

function tooLargeInflated(): Problem {
  return new Problem(
    'too_large',
    `The body is more than ${bodyBytesMax} bytes after inflation. ` +
      'Split it into smaller requests. Nothing was counted.',
  );
}
