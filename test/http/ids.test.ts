// Which spelling an ad or a site gets: the documented rule, as a table and as laws.
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { adOf, siteOf } from '../../src/http/ids.ts';

const hosts: readonly (readonly [string, string])[] = [
  ['Example.COM', 'example.com'],
  ['example.com.', 'example.com'],
  ['WWW.Example.Co.UK.', 'www.example.co.uk'],
  ['MÜNCHEN.de', 'xn--mnchen-3ya.de'],
  ['faß.de', 'xn--fa-hia.de'],
  ['例え.JP', 'xn--r8jz45g.jp'],
  ['Ｅｘａｍｐｌｅ.com', 'example.com'],
  ['XN--MNCHEN-3YA.de', 'xn--mnchen-3ya.de'],
  // No punycode of anything: ASCII all the same, and so on every release of node.
  ['xn--a.COM', 'xn--a.com'],
  ['my_Site.tumblr.com', 'my_site.tumblr.com'],
  ['4Chan.org', '4chan.org'],
  ['De.Wikipedia.org', 'de.wikipedia.org'],
  ['de.Wikipedia.org', 'de.wikipedia.org'],
  ['uk.Yahoo.io', 'uk.yahoo.io'],
  ['com.Example.com', 'com.example.com'],
  ['Com.Example.Shop', 'com.example.shop'],
  ['app.Example.shop', 'app.example.shop'],
  ['t.CO', 't.co'],
  ['ab--Cd.com', 'ab--cd.com'],
];

const others: readonly string[] = [
  'example.com',
  '1234567890',
  '00123',
  '1.2.3.4',
  'Version.2',
  'id389801252',
  'B00ABCDEFG',
  'G15147002586',
  'com.example.Game',
  'com.Example.App',
  'org.Mozilla.firefox',
  'de.hafas.Android',
  'jp.naver.Line.android',
  'com.Slack',
  'Localhost',
  'localhost.',
  'Example..com',
  'Example.com..',
  '.Example.com',
  '-Example.com',
  'Example-.com',
  'Ex!ample.com',
  'EXAMPLE.com%2Fpath',
  'User@Example.com',
  'News#1',
  'why?',
  'Été',
  '😀',
  '😀.Example.com',
  '__proto__',
  'constructor',
];

const refused: readonly string[] = [
  'http://example.com',
  'HTTPS://example.com/',
  '//example.com',
  'example.com/path',
  'example.com\\path',
  'example.com:443',
  'localhost:3000',
  'mailto:me',
  'app:123',
  '[::1]',
  'exa mple.com',
  'exa\u00a0mple.com',
  'exa\u2028mple',
  'Example.com?utm=1',
  'example.com#top',
  ' example.com',
  'example.com\t',
  '.',
  '..',
  '',
  `${'é'.repeat(62)}.com.`,
];

for (const [sent, spelling] of hosts) {
  test(`the host name ${sent} is counted as ${spelling}`, () => {
    expect(siteOf(sent)).toBe(spelling);
  });
}

for (const sent of others) {
  test(`the site ${sent} stays as it is`, () => {
    expect(siteOf(sent)).toBe(sent);
  });
}

for (const sent of refused.slice(0, -1)) {
  test(`the site ${JSON.stringify(sent)} is refused, never stripped`, () => {
    expect(siteOf(sent)).toBeUndefined();
  });
}

test('ads and sites are 1 to 128 bytes of UTF-8, not characters', () => {
  for (const text of ['a'.repeat(128), 'é'.repeat(64), '😀'.repeat(32)]) {
    expect(adOf(text)).toBe(text);
    expect(siteOf(text)).toBe(text);
    expect(adOf(`${text}a`)).toBeUndefined();
    expect(siteOf(`${text}a`)).toBeUndefined();
  }
});

test('a host name that IDNA makes longer than 128 bytes is refused', () => {
  const labels = Array.from({ length: 12 }, () => 'äöüß').join('.');
  expect(Buffer.byteLength(labels)).toBeLessThan(128);
  expect(siteOf(`${labels}.example`)).toBeUndefined();
});

test('an ad is never changed: no case, no Unicode normalisation', () => {
  for (const ad of ['Example.COM.', 'e\u0301', 'é', 'http://x/y?z', 'a:b', 'ß', 'a\u200db']) {
    expect(adOf(ad)).toBe(ad);
  }
});

const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.domain(),
  fc.domain().map((name) => `${name.toUpperCase()}.`),
  fc.webUrl(),
);

function isOwnSpelling(text: string): boolean {
  const site = siteOf(text);
  return site === undefined || siteOf(site) === site;
}

test('the spelling of a site is its own spelling', () => {
  const run = fc.check(fc.property(texts, isOwnSpelling), { numRuns: 1_000 });
  expect(run.counterexample).toBeNull();
});

test('every id is 1-128 bytes and survives UTF-8', () => {
  fc.assert(
    fc.property(texts, (text) => {
      for (const id of [adOf(text), siteOf(text)]) {
        if (id === undefined) continue;
        const bytes = Buffer.from(id);
        expect(bytes.length).toBeGreaterThan(0);
        expect(bytes.length).toBeLessThanOrEqual(128);
        expect(bytes.toString()).toBe(id);
      }
    }),
  );
});

test('64 KiB of hostile text is judged at once', () => {
  const started = performance.now();
  for (const unit of ['a.', '.', '-', 'A', '_', '\ud800', 'é', '?', '#a.b', ' ']) {
    adOf(unit.repeat(65_536));
    siteOf(unit.repeat(65_536));
  }
  expect(performance.now() - started).toBeLessThan(100);
});
