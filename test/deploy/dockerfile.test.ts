// The image cannot be built everywhere, so its steps are run here one by one, in a folder that
// holds what the Dockerfile copies and nothing else.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

interface Step {
  readonly stage: string;
  readonly word: string;
  readonly rest: string;
}

const steps = stepsOf(readFileSync('Dockerfile', 'utf8'));

/** Each instruction on one line, with the stage that it belongs to. */
function stepsOf(text: string): readonly Step[] {
  let stage = '';
  const lines = text.replaceAll('\\\n', ' ').split('\n');
  return lines
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => {
      const [word = '', ...parts] = line.split(/\s+/);
      const rest = parts.join(' ');
      if (word === 'FROM') stage = / AS (\w+)$/.exec(rest)?.[1] ?? 'final';
      return { stage, word, rest };
    });
}

function all(word: string): readonly string[] {
  return steps.filter((step) => step.word === word).map((step) => step.rest);
}

function copiesOf(stage: string): readonly string[][] {
  return steps
    .filter((step) => step.word === 'COPY' && step.stage === stage)
    .map((step) => step.rest.split(' '));
}

/** What a stage copies from the project, into a folder of our own. */
function lay(stage: string, folder: string): void {
  for (const [first = '', ...others] of copiesOf(stage)) {
    if (first.startsWith('--from=')) continue;
    const target = others.pop() ?? '';
    for (const source of [first, ...others]) {
      const name = target.endsWith('/') ? path.basename(source) : target;
      cpSync(source, path.join(folder, name), { recursive: true });
    }
  }
}

describe('the Dockerfile', () => {
  test('copies only what exists, and what the build context lets through', () => {
    const allowed = readFileSync('.dockerignore', 'utf8').split('\n');
    const sources = ['build', 'packages', 'final'].flatMap((stage) =>
      copiesOf(stage)
        .filter(([first]) => first?.startsWith('--from=') === false)
        .flatMap((words) => words.slice(0, -1)),
    );
    expect(sources.length).toBeGreaterThan(5);
    for (const source of sources) {
      expect({ source, exists: existsSync(source) }).toEqual({ source, exists: true });
      expect(allowed).toContain(`!${source}`);
    }
    expect(allowed[0]).toBe('*');
  });

  test('has no step beyond those that are run here', () => {
    expect(all('RUN')).toEqual([
      'npm ci', // the first half of the test command
      'npm run build', // below
      'npm ci --omit=dev', // below
      'install --directory --mode=0700 --owner=node --group=node /data', // below, under our user
    ]);
    const healthcheck = all('HEALTHCHECK').map((rest) => rest.slice(rest.indexOf('CMD ')));
    expect(healthcheck).toEqual(['CMD ["node", "dist/src/main.js", "healthcheck", "--quiet"]']);
    expect(all('ENTRYPOINT')).toEqual(['["node", "dist/src/main.js"]']);
    expect(all('CMD')).toEqual(['["serve"]']);
  });

  test('runs as a user without rights, on every address, with its data on a volume', () => {
    expect(all('USER')).toEqual(['node']);
    expect(all('VOLUME')).toEqual(['["/data"]']);
    expect(all('ENV').join(' ')).toContain('ADCOUNTER_HTTP_HOST=0.0.0.0 ADCOUNTER_DATA_DIR=/data');
    expect(all('FROM').every((rest) => rest.startsWith('node:24-slim'))).toBe(true);
  });
});

describe('the image, as far as it can be made here', () => {
  let build: string;
  let image: string;
  const children: ChildProcess[] = [];

  beforeAll(() => {
    build = mkdtempSync(path.join(tmpdir(), 'adcounter-build-'));
    lay('build', build);
    symlinkSync(path.resolve('node_modules'), path.join(build, 'node_modules'));
    execFileSync('npm', ['run', 'build'], { cwd: build, stdio: 'pipe' });

    image = mkdtempSync(path.join(tmpdir(), 'adcounter-image-'));
    lay('packages', image);
    execFileSync('npm', ['ci', '--omit=dev', '--prefer-offline'], { cwd: image, stdio: 'pipe' });
    lay('final', image);
    cpSync(path.join(build, 'dist'), path.join(image, 'dist'), { recursive: true });
    const data = ['--directory', '--mode=0700', path.join(image, 'data')];
    execFileSync('install', data, { stdio: 'pipe' });
  }, 180_000);

  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
    for (const folder of [build, image]) rmSync(folder, { recursive: true, force: true });
  });

  function inImage(...args: string[]): string {
    return execFileSync(process.execPath, ['dist/src/main.js', ...args], {
      cwd: image,
      encoding: 'utf8',
      env: {},
    });
  }

  test('holds all that the commands read', () => {
    expect(inImage('schema', 'print')).toContain("create 'adcounter_counts'");
    expect(inImage('--version')).toMatch(/^\d/);
  });

  test('serves, and its health check is content', async () => {
    const child = spawn(process.execPath, ['dist/src/main.js', 'serve'], {
      cwd: image,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { NODE_ENV: 'production', ADCOUNTER_DATA_DIR: 'data', ADCOUNTER_HTTP_PORT: '0' },
    });
    children.push(child);
    let address = '';
    for await (const line of createInterface({ input: child.stdout })) {
      address = (JSON.parse(line) as { address?: string }).address ?? '';
      if (address !== '') break;
    }
    expect(address).toMatch(/^http:/);
    expect(inImage('healthcheck', '--quiet', '--url', address)).toBe('');
  }, 30_000);
});
