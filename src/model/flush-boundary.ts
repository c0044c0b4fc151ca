/** What is complete once all that is dirty at a frame boundary is confirmed. */
export interface FlushBoundary {
  /** Everything accepted before it; ms since 1970 UTC. */
  readonly watermarkMs: number;
  /** Of the last synced frame. */
  readonly position: number;
  /** The writer has ended, and no frame of it follows: it may be sealed. */
  readonly isLast: boolean;
}
