// A law of the system that does not hold: which, and what was seen.
export type Law = 'I1' | 'I2' | 'I3' | 'I4' | 'I6' | 'I7' | 'I8';

export function describeThrown(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}

export class LawBroken extends Error {
  readonly law: Law;

  constructor(law: Law, what: string) {
    super(what);
    this.law = law;
  }
}
