// Reads the whole body of a request, within a bound, into one Buffer.
// Resolves with every byte that was sent, or fails; never with a part.
import type { IncomingMessage } from 'node:http';
import { bodyBytesMax, bodyDiscardBytesMax } from '../limits.ts';
import { Problem } from './problems.ts';

const noBytes = Buffer.alloc(0);

export function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  return new Promise((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= bodyBytesMax) {
        chunks.push(chunk);
        return;
      }
      // Reading on, and forgetting, lets the sender finish and see the answer. Not for ever.
      chunks.length = 0;
      if (length > bodyBytesMax + bodyDiscardBytesMax) reject(tooLarge());
    });
    request.on('end', () => {
      if (length > bodyBytesMax) reject(tooLarge());
      else resolve(chunks.length === 1 ? (chunks[0] ?? noBytes) : Buffer.concat(chunks, length));
    });
    request.on('error', () => reject(incomplete()));
    request.on('close', () => reject(incomplete()));
  });
}

function tooLarge(): Problem {
  return new Problem(
    'too_large',
    `The body is more than ${bodyBytesMax} bytes. ` +
      'Split it into smaller requests. Nothing was counted.',
    { headers: { Connection: 'close' } },
  );
}

function incomplete(): Problem {
  return new Problem('body_incomplete', 'The body ended early; nothing was counted.', {
    headers: { Connection: 'close' },
  });
}
