// Takes README.md apart for the tests that hold it: the tour's steps, and text between marks.
import { readFileSync } from 'node:fs';

export interface TourStep {
  /** Run by bash as it stands; undefined: the service is killed and started again. */
  readonly command: string | undefined;
  /** What the reader is told to expect. */
  readonly answer: string;
}

const tourParts = /```sh\n([^]*?)\n```\n```(?:json)?\n([^]*?)\n```|(<!-- here the test kills)/g;

/** The steps of the section with this heading, in their order. */
export function tourIn(markdown: string, heading: string): TourStep[] {
  const section = sectionOf(markdown, heading);
  return [...section.matchAll(tourParts)].map(([, command, answer = '']) => ({ command, answer }));
}

export function sectionOf(markdown: string, heading: string): string {
  const start = markdown.indexOf(`\n## ${heading}\n`);
  if (start < 0) throw new Error(`no section "${heading}"`);
  const end = markdown.indexOf('\n## ', start + 1);
  return markdown.slice(start, end < 0 ? undefined : end);
}

/** What stands between `<!-- name -->` and `<!-- /name -->`. */
export function markedIn(markdown: string, name: string): string {
  const [, text] = markdown.split(new RegExp(`<!-- /?${name} -->\n`));
  if (text === undefined) throw new Error(`no mark "${name}"`);
  return text;
}

/**
 * Whether an answer is the one that is shown: blanks aside, `…` is anything, a moment is any
 * moment, and how long a flush took and how many cells it had is left open.
 */
export function patternOf(shown: string): RegExp {
  const escaped = withoutBlanks(shown).replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
  const pattern = escaped
    .replaceAll('…', '[^]*?')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:]+\\\.\d{3}Z/g, String.raw`\d{4}-\d\d-\d\dT[\d:]+\.\d{3}Z`)
    .replaceAll(/("(?:ms|cells)":)\d+(?=,"ms|,"complete)/g, String.raw`$1\d+`);
  return new RegExp(`^${pattern}$`);
}

export function withoutBlanks(text: string): string {
  return text.replaceAll(/\s+/g, '');
}

export function readmeText(): string {
  return readFileSync('README.md', 'utf8');
}
