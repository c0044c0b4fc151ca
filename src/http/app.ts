// The Express app: finds the route of a request and hands both to `serve`. Nothing else.
// The table of routes is mounted once, here; nothing of Express goes further than this file.
import express from 'express';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { Problem } from './problems.ts';
import type { Route } from './routes.ts';
import type { Edge, Params } from './serve.ts';

export function createApp(routes: readonly Route[], edge: Edge): RequestHandler {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('strict routing');
  app.enable('case sensitive routing');
  app.set('query parser', false);
  for (const route of routes) {
    app.all(expressPath(route.path), (request: Request, response: Response) =>
      edge.serve(route, request, response, paramsOf(request)),
    );
  }
  app.use((request: Request, response: Response) => {
    edge.refuse(new Problem('not_found', 'There is nothing here.'), request, response);
  });
  // Express knows an error handler by its four parameters.
  app.use((thrown: unknown, request: Request, response: Response, _next: NextFunction) => {
    edge.refuse(isBadPath(thrown) ? badPath() : thrown, request, response);
  });
  return app;
}

function expressPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

function paramsOf(request: Request): Params {
  const params: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.params)) {
    if (typeof value === 'string') params[name] = value;
  }
  return params;
}

/** Express decodes the parts of a path and fails on broken percent-encoding. */
function isBadPath(thrown: unknown): boolean {
  if (typeof thrown !== 'object' || thrown === null) return false;
  return 'status' in thrown && thrown.status === 400;
}

function badPath(): Problem {
  return new Problem('parameter_invalid', 'The path has broken percent-encoding.');
}
