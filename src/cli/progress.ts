// How far long work is, on stderr: a bar that is drawn again and again where somebody watches, else
// a plain line now and then. Promises nothing on stdout, no colours, and no more lines than that.
import { progressBarMs, progressLineMs } from '../limits.ts';
import type { Clock } from '../model/clock.ts';
import type { Terminal } from './command.ts';

export interface ProgressOptions {
  readonly terminal: Terminal;
  readonly quiet: boolean;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** What is counted: `cells`. */
  readonly unit: string;
}

const barColumns = 10;
/** A rate over less than this says nothing yet. */
const rateMsMin = 500;

export class Progress {
  readonly #options: ProgressOptions;
  #step = '';
  #stepMs = 0;
  #shownMs = -Infinity;
  #columns = 0;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  /** `total` undefined: nobody knows yet how much it will be. */
  show(step: string, done: number, total: number | undefined): void {
    const { quiet, clock, terminal } = this.#options;
    if (quiet) return;
    const nowMs = clock.monotonicMs();
    if (step !== this.#step) {
      this.#step = step;
      this.#stepMs = nowMs;
      // The first line of a step would say 0 of something: a bar shows it, a log need not.
      this.#shownMs = terminal.redraw === undefined ? nowMs : -Infinity;
    }
    const every = terminal.redraw === undefined ? progressLineMs : progressBarMs;
    if (nowMs - this.#shownMs < every) return;
    this.#shownMs = nowMs;
    const text = this.#textOf(done, total, nowMs - this.#stepMs);
    if (terminal.redraw === undefined) terminal.err(`adcounter: ${text}\n`);
    else this.#draw(total === undefined ? text : `${barOf(done, total)} ${text}`);
  }

  /** The line is free for others. */
  end(): void {
    if (this.#columns > 0) this.#draw('');
    this.#columns = 0;
  }

  /** Blanks over what the line before had more: that needs no terminal of a certain kind. */
  #draw(line: string): void {
    this.#options.terminal.redraw?.(line.padEnd(this.#columns));
    this.#columns = line.length;
    if (line === '') this.#options.terminal.redraw?.('');
  }

  #textOf(done: number, total: number | undefined, ms: number): string {
    const { unit } = this.#options;
    const of = total === undefined ? '' : ` of ${counted(total)}`;
    const what = `${this.#step} ${counted(done)}${of} ${unit}`;
    if (ms < rateMsMin || done === 0) return what;
    const perSecond = (done / ms) * 1000;
    const rate = `${what}, ${counted(Math.round(perSecond))}/s`;
    if (total === undefined) return rate;
    return `${rate}, ${timeOf(Math.max(0, total - done) / perSecond)} left`;
  }
}

/** 1,234,567; with its unit: 1 cell, 2 cells. */
export function counted(n: number | bigint, unit?: string): string {
  const digits = n.toLocaleString('en-US');
  return unit === undefined ? digits : `${digits} ${unit}${digits === '1' ? '' : 's'}`;
}

function barOf(done: number, total: number): string {
  const part = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.floor(part * barColumns);
  const percent = `${Math.floor(part * 100)}`.padStart(3);
  return `[${'#'.repeat(filled)}${'.'.repeat(barColumns - filled)}] ${percent} %`;
}

function timeOf(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 120) return `${whole} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.ceil(minutes / 60)} h`;
}
