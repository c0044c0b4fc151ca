// Turns strings into ad and site ids, once, at the edge: the rules of `ad` and `site`.
// An ad stays byte for byte as it was sent. A site that looks like a host name is brought to its
// one spelling; every other site (app ids, numbers) stays as it is. Nothing is ever stripped.
import { domainToASCII } from 'node:url';
import { idBytesMax } from '../model/cell.ts';
import type { AdId, SiteId } from '../model/cell.ts';

export function adOf(text: string): AdId | undefined {
  return isId(text) ? (text as AdId) : undefined;
}

/**
 * A site never contains a blank, a colon (scheme, port), a slash or a backslash (path).
 *
 * It looks like a host name when
 * 1. it has two or more labels, joined by single dots, one more dot at the end allowed;
 * 2. each label is 1 to 63 letters (of any script), digits, hyphens or underscores, without a
 *    hyphen at either end, and the last label contains a letter (so no address, no version);
 * 3. it is not a reversed name, as apps have them (`isReversedName`);
 * 4. where it is not ASCII, IDNA (UTS 46) has a spelling for it.
 * Then it is lower-cased, by IDNA where it is not ASCII, and loses the dot at the end.
 */
export function siteOf(text: string): SiteId | undefined {
  if (!isId(text)) return undefined;
  let last = 0;
  let settled = true;
  for (let i = 0; i < text.length; i++) {
    last = text.charCodeAt(i);
    if (last === 0x3a || last === 0x2f || last === 0x5c || last === 0x20) return undefined;
    if (last > 0x7e || (last >= 0x41 && last <= 0x5a) || last === 0x3f || last === 0x23) {
      settled = false;
    }
  }
  // Lower-case ASCII is its own spelling, host name or not: nearly every site ends here.
  if (settled && last !== 0x2e) return text as SiteId;
  return unsettledSiteOf(text);
}

function unsettledSiteOf(text: string): SiteId | undefined {
  if (/\s/u.test(text)) return undefined;
  const tailAt = text.search(/[?#]/);
  // A query or fragment behind a host name is the rest of a URL, not part of an id.
  if (tailAt > 0 && looksLikeHostName(text.slice(0, tailAt))) return undefined;
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  if (!looksLikeHostName(name)) return text as SiteId;
  // ASCII is not handed to IDNA: releases of node differ in what they refuse there, and two
  // instances must never count one site under two names.
  const ascii = isAscii(name) ? name.toLowerCase() : domainToASCII(name);
  if (ascii === '') return text as SiteId;
  return ascii.length <= idBytesMax ? (ascii as SiteId) : undefined;
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}

const hostNameShape = /^[\p{L}\p{M}\p{N}_-]{1,63}(?:\.[\p{L}\p{M}\p{N}_-]{1,63})+$/u;
const hyphenAtAnEnd = /(?:^|\.)-|-(?:\.|$)/;

export function looksLikeHostName(name: string): boolean {
  if (!hostNameShape.test(name) || hyphenAtAnEnd.test(name)) return false;
  return /\p{L}/u.test(name.slice(name.lastIndexOf('.') + 1)) && !isReversedName(name);
}

const genericDomains = new Set(['com', 'org', 'net', 'edu', 'gov', 'info', 'biz']);
const reversedStarts = new Set(['com', 'org', 'net', 'edu', 'gov']);

/**
 * `com.example.Game`: the id of an app, whose capitals are part of it. It begins with `com`,
 * `org`, `net`, `edu` or `gov`, and does not end with a generic domain (`com.example.com` is a
 * host); or it has three labels or more, begins with two small letters (`de.example.Game`), and
 * ends neither with a generic domain nor with two letters (`de.Example.org`, `uk.Example.io` are
 * hosts). A wrong guess is harmless: it only decides whether capitals tell two sites apart, and
 * queries guess the same.
 */
function isReversedName(name: string): boolean {
  const labels = name.split('.');
  const first = labels[0] ?? '';
  const last = (labels.at(-1) ?? '').toLowerCase();
  if (genericDomains.has(last)) return false;
  if (reversedStarts.has(first)) return true;
  return labels.length > 2 && /^[a-z]{2}$/.test(first) && last.length !== 2;
}

/** 1-128 bytes of UTF-8; no control characters, no blanks at the ends, not `.` or `..`. */
function isId(text: string): boolean {
  const length = text.length;
  if (length === 0 || length > idBytesMax) return false;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7e) return isIdBeyondAscii(text);
    if (code < 0x20) return false;
  }
  if (text.charCodeAt(0) === 0x20 || text.charCodeAt(length - 1) === 0x20) return false;
  return text !== '.' && text !== '..';
}

// With the u flag a surrogate matches \p{Cs} only when it stands alone.
const controlOrLoneSurrogate = /[\p{Cc}\p{Cs}]/u;

function isIdBeyondAscii(text: string): boolean {
  if (Buffer.byteLength(text) > idBytesMax) return false;
  return !controlOrLoneSurrogate.test(text) && text.trim() === text;
}
