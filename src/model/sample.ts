/** So many different numbers below `end`, by chance; all of them where there are no more. */
export function sampleBelow(
  end: number,
  countMax: number,
  random: () => number = Math.random,
): number[] {
  if (end <= countMax) return Array.from({ length: end }, (_, i) => i);
  const drawn = new Set<number>();
  // Floyd's way: every choice is as likely as any other, and takes as many steps.
  for (let i = end - countMax; i < end; i++) {
    const candidate = Math.floor(random() * (i + 1));
    drawn.add(drawn.has(candidate) ? i : candidate);
  }
  return [...drawn];
}
