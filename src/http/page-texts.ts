// The words and looks of the pages for people. Text alone: no logic, no values but its arguments,
// which the caller has made harmless.

export const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">' +
  '<rect width="32" height="32" rx="7" fill="#1f5eff"/>' +
  '<path d="M7 24V15h4v9zm7 0V8h4v16zm7 0V12h4v12z" fill="#fff"/></svg>';

export const style = `:root {
  color-scheme: light dark;
  --ink: #16202e; --soft: #5a6778; --paper: #fff; --back: #f4f6fa; --line: #dfe4ec;
  --accent: #1f5eff; --code: #0f1b2d; --code-ink: #dbe7ff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e7edf6; --soft: #9fadc0; --paper: #151d2a; --back: #0d131d; --line: #273245;
    --accent: #7ea4ff; --code: #080d15;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; padding: 2.5rem 1.25rem 4rem; background: var(--back); color: var(--ink);
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
main { max-width: 46rem; margin: 0 auto; }
header { display: flex; align-items: center; gap: .9rem; }
header img { width: 2.75rem; height: 2.75rem; }
h1 { margin: 0; font-size: 1.7rem; letter-spacing: -.02em; }
h2 { margin: 0 0 .4rem; font-size: 1.05rem; }
p { margin: .35rem 0 .8rem; }
.soft { color: var(--soft); }
section {
  margin-top: 1.25rem; padding: 1.15rem 1.35rem; background: var(--paper);
  border: 1px solid var(--line); border-radius: .8rem;
}
pre {
  margin: .5rem 0 0; padding: .85rem 1rem; overflow-x: auto; border-radius: .55rem;
  background: var(--code); color: var(--code-ink);
  font: .86rem/1.55 ui-monospace, "SF Mono", Menlo, Consolas, monospace;
}
a { color: var(--accent); }
nav { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; }
footer { margin-top: 1.5rem; font-size: .88rem; }
`;

function document(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/page.css">
</head>
<body>
<main>
${content}
</main>
</body>
</html>
`;
}

export function startPage(version: string, address: string): string {
  return document(
    'adcounter',
    `<header><img src="/icon.svg" alt=""><h1>adcounter</h1></header>
<p class="soft">Counts ad impressions and clicks, each exactly once.</p>
<section>
<h2>1 &nbsp;Count an impression</h2>
<pre>curl -H 'Content-Type: application/json' ${address}/v1/impressions \\
  -d '{"ad":"spring-sale","site":"news.example"}'</pre>
</section>
<section>
<h2>2 &nbsp;Count a batch, and a click</h2>
<p>20 to 100 events a request are a good size.</p>
<pre>curl -H 'Content-Type: application/json' ${address}/v1/impressions \\
  -d '[{"ad":"spring-sale","site":"news.example","n":3},
       {"ad":"spring-sale","site":"blog.example"}]'

curl -H 'Content-Type: application/json' ${address}/v1/clicks \\
  -d '{"ad":"spring-sale","site":"news.example"}'</pre>
</section>
<section>
<h2>3 &nbsp;Flush now, then read the total</h2>
<p>A flush comes by itself, too: every 30 seconds unless set otherwise.</p>
<pre>curl -X POST ${address}/v1/flush

curl ${address}/v1/ads/spring-sale

curl ${address}/v1/ads/spring-sale/sites</pre>
</section>
<section>
<h2>How it is</h2>
<nav>
<a href="/v1/status">status</a>
<a href="/metrics">metrics</a>
<a href="/readyz">ready?</a>
<a href="/livez">alive?</a>
</nav>
</section>
<footer class="soft">adcounter ${version}. Where keys are set, add
<code>-H "Authorization: Bearer $KEY"</code>.</footer>`,
  );
}

export function problemPage(
  name: string,
  kind: Readonly<{ status: number; title: string; help: string }>,
): string {
  return document(
    `${kind.title} · adcounter`,
    `<header><img src="/icon.svg" alt=""><h1>${kind.title}</h1></header>
<section>
<p class="soft">${kind.status} · ${name}</p>
<p>${escaped(kind.help)}</p>
</section>
<footer><a href="/">adcounter</a></footer>`,
  );
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
