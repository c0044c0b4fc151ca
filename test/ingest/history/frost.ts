// What a stopped process has of the world: its clocks stand, its calls are answered when it goes
// on. Steered by a history; of the process that it belongs to alone.
import type { Clock } from '../../../src/model/clock.ts';

interface Frozen {
  readonly wallMs: number;
  readonly monotonicMs: number;
  readonly until: Promise<void>;
  readonly thaw: () => void;
}

export class Frost implements Clock {
  readonly #clock: Clock;
  #frozen: Frozen | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly wallMs = (): number => this.#frozen?.wallMs ?? this.#clock.wallMs();
  readonly monotonicMs = (): number => this.#frozen?.monotonicMs ?? this.#clock.monotonicMs();

  get isFrozen(): boolean {
    return this.#frozen !== undefined;
  }

  freeze(): void {
    this.thaw();
    const { promise: until, resolve: thaw } = withResolvers();
    this.#frozen = { wallMs: this.wallMs(), monotonicMs: this.monotonicMs(), until, thaw };
  }

  thaw(): void {
    const frozen = this.#frozen;
    this.#frozen = undefined;
    frozen?.thaw();
  }

  readonly passed = async (): Promise<void> => {
    while (this.#frozen !== undefined) await this.#frozen.until;
  };
}

function withResolvers(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  const resolvers: (() => void)[] = [];
  const promise = new Promise<void>((resolve) => void resolvers.push(resolve));
  return { promise, resolve: () => resolvers[0]?.() };
}
