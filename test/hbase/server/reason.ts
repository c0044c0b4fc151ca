// Why a JVM ended, from its log: one line for a person. Never fails; a log may be empty.

const failureLine = / (?:ERROR|FATAL) |^(?:[\w$.]+\.)?[\w$]+(?:Exception|Error)\b|^Error: /;
const reasonCharsMax = 300;

/** The deepest cause of the first failure in the log; else its last line. */
export function reasonIn(log: string): string {
  const lines = log.split('\n').filter((line) => line.trim() !== '');
  const first = lines.findIndex((line) => failureLine.test(line) && !line.endsWith('(ignoring)'));
  if (first < 0) return (lines.at(-1) ?? 'it said nothing').slice(0, reasonCharsMax);
  let reason = lines[first] ?? '';
  for (const line of lines.slice(first + 1)) {
    // What belongs to one failure: its stack, its causes, and the exception below a log line.
    if (line.startsWith('Caused by: ')) reason = line.slice('Caused by: '.length);
    else if (/^(?:[\w$]+\.)+[\w$]+(?:Exception|Error)\b/.test(line)) reason = line;
    else if (!/^\s+(?:at |\.\.\. )/.test(line)) break;
  }
  return reason.replace(/^\S+ \S+ (?:ERROR|FATAL) +/, '').slice(0, reasonCharsMax);
}
