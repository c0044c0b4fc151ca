// Cuts a stream of chunks into frames: each a length (u32) and that many bytes.
// Promises linear time however many chunks a frame comes in, and frames of a bounded size.
import { hbaseFrameBytesMax } from '../limits.ts';
import { invalidReply } from './failures.ts';

export class FrameReader {
  readonly #onFrame: (frame: Buffer) => void;
  #head = Buffer.alloc(4);
  #headBytes = 0;
  #frame: Buffer | null = null;
  #frameBytes = 0;

  constructor(onFrame: (frame: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#frame === null) {
        const taken = chunk.copy(this.#head, this.#headBytes, at);
        at += taken;
        this.#headBytes += taken;
        if (this.#headBytes < 4) return;
        this.#headBytes = 0;
        this.#open(this.#head.readUInt32BE(0));
      }
      at += this.#fill(chunk, at);
    }
  }

  #open(length: number): void {
    if (length > hbaseFrameBytesMax) {
      throw invalidReply(`a frame of ${length} bytes is beyond the bound`);
    }
    this.#frame = Buffer.allocUnsafe(length);
    this.#frameBytes = 0;
  }

  #fill(chunk: Buffer, at: number): number {
    const frame = this.#frame;
    if (frame === null) return 0;
    const taken = chunk.copy(frame, this.#frameBytes, at);
    this.#frameBytes += taken;
    if (this.#frameBytes === frame.length) {
      this.#frame = null;
      this.#onFrame(frame);
    }
    return taken;
  }
}
