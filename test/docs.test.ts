// Holds the documents to the code: whatever they name exists, and links lead somewhere.
// What is checked is what is written as code (`like this`), or stands in a block or a link.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { HttpOptions } from '../src/http/ports.ts';
import { createRoutes } from '../src/http/routes.ts';
import { Metrics } from '../src/metrics.ts';
import { settingSources } from '../src/settings.ts';
import { filesUnder } from './support/files.ts';

interface Page {
  readonly name: string;
  readonly text: string;
  /** What is written as code inside of a line. */
  readonly spans: readonly string[];
}

const names = ['README.md', 'CHANGELOG.md', ...filesUnder('docs')].filter((name) =>
  name.endsWith('.md'),
);
const pages = names.map((name): Page => {
  const text = readFileSync(name, 'utf8');
  const prose = text.replaceAll(/^```[^]*?^```$/gm, '');
  return { name, text, spans: [...prose.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span) };
});

/** `page: thing` of everything that the pages name and that is not there. */
function missing(find: RegExp | ((page: Page) => string[]), exists: (thing: string) => boolean) {
  return pages.flatMap((page) => {
    const named = find instanceof RegExp ? firstGroups(page.text, find) : find(page);
    return [...new Set(named)]
      .filter((thing) => !exists(thing))
      .map((thing) => `${page.name}: ${thing}`);
  });
}

function firstGroups(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, first = '']) => first);
}

function textOf(file: string): string | undefined {
  const found = [file, path.join('src', file)].find((name) => existsSync(name));
  return found === undefined ? undefined : readFileSync(found, 'utf8');
}

/** `journal/`, `service.ts`, `ingest/ingest.ts:accept`; from the root or from src/. */
function isThere(span: string): boolean {
  const [file = '', inside = ''] = span.split(':');
  if (file.endsWith('/')) return existsSync(file) || existsSync(path.join('src', file));
  const text = textOf(file);
  return text !== undefined && (inside === '' || new RegExp(`\\b${inside}\\b`).test(text));
}

describe('what the documents name is there', () => {
  test('files and folders, and what is named inside of a file', () => {
    // What a run makes is drawn in FORMATS.md, and is not in the repository.
    const made = /^(?:aside\/|lock\/|writer\.json|dist\/|adcounter-data)|\.gif$/;
    const isPath = /^[\w.-]+(?:\/[\w.-]+)*(?:\.(?:ts|js|json|md|yml|gif)|\/)(?::\w+)?$/;
    const paths = missing(
      ({ spans }) => spans.filter((span) => isPath.test(span) && !made.test(span)),
      isThere,
    );
    expect(paths).toEqual([]);
  });

  test('tests, by their titles', () => {
    const cited = /(`test\/[\w./-]+\.ts` \*[^*]+\*)/g;
    const wrong = missing(cited, (citation) => {
      const [, file = '', title = ''] = /`(.+)` \*(.+)\*/.exec(citation) ?? [];
      return textOf(file)?.includes(title) === true;
    });
    expect(wrong).toEqual([]);
    const citing = pages.filter(({ text }) => firstGroups(text, cited).length >= 10);
    expect(citing.map(({ name }) => name)).toContain('docs/ARCHITECTURE.md');
  });

  test('npm scripts', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: object };
    const run = /\bnpm (?:run )?(?!run\b|ci\b|install\b)([\w:-]+)/g;
    expect(missing(run, (script) => script in scripts)).toEqual([]);
  });

  test('settings and flags', () => {
    const sources = settingSources();
    const variables = new Set(sources.map(({ environment }) => environment));
    const flags = new Set([
      'help',
      'json',
      'quiet',
      'fresh',
      'wait',
      'from',
      'to',
      'dry-run',
      'yes',
      'even-unknown',
      'no-verify',
      ...sources.map(({ flag }) => flag),
    ]);
    expect(missing(/\b(ADCOUNTER_[A-Z_]+)\b/g, (name) => variables.has(name))).toEqual([]);
    expect(missing(/(?<=`|adcounter )--([a-z-]+)/g, (flag) => flags.has(flag))).toEqual([]);
  });

  test('endpoints', () => {
    // The table alone: nothing of what it plugs together is called.
    const routes = createRoutes({ version: '0' } as HttpOptions).map((route) => ({
      method: route.method,
      path: new RegExp(`^${route.path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
    }));
    const named =
      /((?:GET |POST |`|127\.0\.0\.1:8080)\/(?:v1|livez|readyz|metrics|problems)[^\s`'?"]*)/g;
    const wrong = missing(named, (text) => {
      const endpoint = text.slice(text.indexOf('/'));
      return routes.some(({ method, path: route }) => {
        const fits = !/^[GP]/.test(text) || text.startsWith(method);
        return fits && route.test(endpoint);
      });
    });
    expect(wrong).toEqual([]);
  });

  test('metrics', async () => {
    const { text: scrape } = await new Metrics({ version: '0' }).scrape();
    const { tables } = JSON.parse(readFileSync('hbase-schema/tables.json', 'utf8')) as {
      readonly tables: readonly { readonly name: string }[];
    };
    const tableNames = new Set(['adcounter_', ...tables.map(({ name }) => `adcounter_${name}`)]);
    const wrong = missing(
      /\b(adcounter_[a-z_]*)/g,
      (name) => tableNames.has(name) || scrape.includes(`# TYPE ${name} `),
    );
    expect(wrong).toEqual([]);
  });

  test('words of the code: reasons, problems, error codes', () => {
    const files = [...filesUnder('src'), ...filesUnder('test/hbase/server')];
    const sources = files.map((name) => readFileSync(name, 'utf8'));
    const isWord = /^(?!adcounter_)[a-z]+(?:_[a-z]+)+$|^(?!ADCOUNTER_)[A-Z]+(?:_[A-Z]+)+$/;
    const wrong = missing(
      ({ spans }) => spans.filter((span) => isWord.test(span)),
      (word) => sources.some((text) => text.includes(word)),
    );
    expect(wrong).toEqual([]);
  });

  test('commands', () => {
    const command = /\bnpx adcounter ([a-z]+)/g;
    expect(missing(command, (name) => existsSync(`src/cli/${name}.ts`))).toEqual([]);
  });

  test('nothing of a machine', () => {
    const machine = /(?:^|[\s'"`(=:])(\/(?:work|home|root|tmp|Users|usr|var)\/\S*)/gm;
    expect(missing(machine, () => false)).toEqual([]);
  });
});

describe('links', () => {
  test('lead to files and to headings that are there', () => {
    const wrong = pages.flatMap(({ name, text }) =>
      [...text.matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, target = '']) => target)
        .filter((target) => !/^https?:/.test(target))
        .filter((target) => {
          const [file = '', heading] = target.split('#');
          const place = file === '' ? name : path.join(path.dirname(name), file);
          if (!existsSync(place)) return true;
          return heading !== undefined && !headingsOf(place).includes(heading);
        })
        .map((target) => `${name}: ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test('reach every page of docs/ from docs/README.md, decisions by their folder', () => {
    const { text = '' } = pages.find(({ name }) => name === 'docs/README.md') ?? {};
    const others = names.filter((name) => /^docs\/(?!decisions\/|README)/.test(name));
    expect(others.filter((name) => !text.includes(`(${path.relative('docs', name)})`))).toEqual([]);
    expect(text).toContain('(decisions)');
  });
});

describe('decisions', () => {
  const decisions = pages.filter(({ name }) => name.startsWith('docs/decisions/'));

  test('are numbered once each, and say what was rejected', () => {
    const numbers = decisions.map(({ name }) => /\/(\d{4})-[a-z0-9-]+\.md$/.exec(name)?.[1]);
    expect(numbers).not.toContain(undefined);
    expect(new Set(numbers).size).toBe(numbers.length);
    for (const { name, text } of decisions) {
      expect({ name, opens: text.slice(0, 7) }).toEqual({
        name,
        opens: `# ${path.basename(name).slice(0, 4)} `,
      });
      expect({ name, rejects: /reject/i.test(text) }).toEqual({ name, rejects: true });
    }
  });
});

/** As GitHub makes the anchors of headings. */
function headingsOf(file: string): string[] {
  return [...readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
