// Answers questions about counts: parameters in, `Asking` asked, the documented shape out.
// Every number of an answer comes from one question; nothing is added up or cached here.
// An ETag covers the body, so a dashboard that asks again is told when nothing changed.
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { adsAskedMax, pageRowsDefault, pageRowsMax } from '../limits.ts';
import type { AdId, SiteId } from '../model/cell.ts';
import { quarterStartMs } from '../model/quarter.ts';
import type { AdTotal, Asking, PageOptions, RangedAnswer, SiteSort } from '../query/answers.ts';
import { siteSorts } from '../query/answers.ts';
import type { Answer, AnswerHeaders, EdgeRequest, Handler } from './answer.ts';
import { jsonType } from './answer.ts';
import { adOf, siteOf } from './ids.ts';
import { Parameters } from './parameters.ts';
import { Problem, parameterProblem } from './problems.ts';
import { queryOptionsOf, rangeParameters } from './query-range.ts';

export interface Queries {
  readonly ad: Handler;
  readonly ads: Handler;
  readonly sites: Handler;
  readonly site: Handler;
}

const totalParameters = new Set(rangeParameters);
const adsParameters = new Set([...rangeParameters, 'ad']);
const pageParameters = new Set([...rangeParameters, 'sort', 'limit', 'cursor']);

export function createQueries(asking: Asking): Queries {
  return {
    async ad(request) {
      const parameters = parametersOf(request, totalParameters);
      const ad = adInPath(request);
      const options = queryOptionsOf(parameters, request.signal);
      const [total] = await asking.adTotals([ad], options);
      if (total === undefined) throw new Error('a question about one ad has one answer');
      return queryAnswer(request.headers, totalShape(total));
    },

    async ads(request) {
      const parameters = parametersOf(request, adsParameters);
      const ads = adsAsked(parameters);
      const options = queryOptionsOf(parameters, request.signal);
      const totals = await asking.adTotals(ads, options);
      return queryAnswer(request.headers, { ads: totals.map(totalShape) });
    },

    async sites(request) {
      const parameters = parametersOf(request, pageParameters);
      const ad = adInPath(request);
      const options = queryOptionsOf(parameters, request.signal);
      const answer = await asking.adSites(ad, options, pageOf(parameters));
      const { sites, sitesTotal, nextCursor } = answer;
      const rows = sites.map(({ site, impressions, clicks, ctr }) => {
        return { site, impressions, clicks, ctr };
      });
      const body = { ad, ...rangeShape(answer), sites: rows, sitesTotal, ...completeShape(answer) };
      if (nextCursor === undefined) return queryAnswer(request.headers, body);
      const link = `<${nextPage(request, nextCursor)}>; rel="next"`;
      return queryAnswer(request.headers, { ...body, nextCursor }, { Link: link });
    },

    async site(request) {
      const parameters = parametersOf(request, totalParameters);
      const ad = adInPath(request);
      const site = siteInPath(request);
      const options = queryOptionsOf(parameters, request.signal);
      const { ad: _ad, ...total } = totalShape(await asking.adSite(ad, site, options));
      return queryAnswer(request.headers, { ad, site, ...total });
    },
  };
}

function parametersOf(request: EdgeRequest, known: ReadonlySet<string>): Parameters {
  const parameters = new Parameters(request.query);
  parameters.refuseOthers(known);
  return parameters;
}

function adInPath({ params }: EdgeRequest): AdId {
  const ad = adOf(params['ad'] ?? '');
  if (ad === undefined) throw pathProblem('ad', 'is not the id of an ad');
  return ad;
}

/** Brought to its one spelling, as when it was counted. */
function siteInPath({ params }: EdgeRequest): SiteId {
  const site = siteOf(params['site'] ?? '');
  if (site === undefined) throw pathProblem('site', 'is not the id of a site');
  return site;
}

function pathProblem(name: string, detail: string): Problem {
  const errors = [{ pointer: `/path/${name}`, detail }];
  return new Problem('parameter_invalid', `The ${name} in the path ${detail}.`, { errors });
}

function adsAsked(parameters: Parameters): readonly AdId[] {
  const ads = new Set<AdId>();
  for (const text of parameters.every('ad')) {
    const ad = adOf(text);
    if (ad === undefined) throw parameterProblem('ad', 'is not the id of an ad');
    ads.add(ad);
  }
  if (ads.size === 0) {
    throw new Problem('ads_needed', `Name 1 to ${adsAskedMax} ads: /v1/ads?ad=a&ad=b`);
  }
  if (ads.size > adsAskedMax) throw parameterProblem('ad', `is given at most ${adsAskedMax} times`);
  return [...ads];
}

function pageOf(parameters: Parameters): PageOptions {
  const sort = parameters.one('sort') ?? '-impressions';
  if (!isSiteSort(sort)) throw parameterProblem('sort', `is one of ${siteSorts.join(', ')}`);
  const text = parameters.one('limit') ?? String(pageRowsDefault);
  const limit = /^[0-9]{1,4}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > pageRowsMax) {
    throw parameterProblem('limit', `is an integer from 1 to ${pageRowsMax}`);
  }
  return { sort, limit, cursor: parameters.one('cursor') };
}

function isSiteSort(text: string): text is SiteSort {
  return siteSorts.some((sort) => sort === text);
}

/** The same question, further on: all other parameters stay as they were sent. */
function nextPage({ path, query }: EdgeRequest, cursor: string): string {
  const others = query.split('&').filter((pair) => pair !== '' && !/^cursor(?:=|$)/.test(pair));
  return `${path}?${[...others, `cursor=${encodeURIComponent(cursor)}`].join('&')}`;
}

function rangeShape({ range }: RangedAnswer): Readonly<{ from: string; to: string; tz: string }> {
  return { from: instantText(range.first), to: instantText(range.end), tz: 'UTC' };
}

function instantText(quarter: number): string {
  return new Date(quarterStartMs(quarter)).toISOString();
}

type Missed = 'lost' | 'dead' | 'unreadable';

/** `lost` and the like only where they say something: nobody else has to know the words. */
function completeShape({
  completeThroughMs,
  final,
  lost = [],
  dead = [],
  unreadable = [],
}: RangedAnswer): Readonly<{ completeThrough: string | null; final: boolean }> &
  Readonly<Partial<Record<Missed, readonly string[]>>> {
  return {
    completeThrough: momentText(completeThroughMs),
    final,
    ...(lost.length === 0 ? {} : { lost }),
    ...(dead.length === 0 ? {} : { dead }),
    ...(unreadable.length === 0 ? {} : { unreadable }),
  };
}

export function momentText(atMs: number | null): string | null {
  return atMs === null ? null : new Date(atMs).toISOString();
}

function totalShape(total: AdTotal) {
  return {
    ad: total.ad,
    ...rangeShape(total),
    impressions: total.impressions,
    clicks: total.clicks,
    ctr: total.ctr,
    unflushed: total.unflushed,
    ...completeShape(total),
    known: total.known,
  };
}

const caching: AnswerHeaders = { 'Cache-Control': 'private, no-cache' };

function queryAnswer(
  asked: IncomingHttpHeaders,
  value: unknown,
  further: AnswerHeaders = {},
): Answer {
  const body = JSON.stringify(value);
  const hash = createHash('sha256').update(body).digest('base64url').slice(0, 22);
  const headers = { ...caching, ...further, ETag: `"${hash}"` };
  if (matches(asked['if-none-match'], headers.ETag)) return { status: 304, headers, body: '' };
  return { status: 200, headers: { 'Content-Type': jsonType, ...headers }, body };
}

/** Weakly, as RFC 9110 asks for If-None-Match: a proxy may have weakened our tag. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch
    .split(',')
    .map((tag) => tag.trim().replace(/^W\//, ''))
    .some((tag) => tag === etag || tag === '*');
}
