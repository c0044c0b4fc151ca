# The image of adcounter. Each step is a command that the tests run (test/deploy/dockerfile.test.ts).
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build

FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM node:24-slim
WORKDIR /app
ENV NODE_ENV=production ADCOUNTER_HTTP_HOST=0.0.0.0 ADCOUNTER_DATA_DIR=/data
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
COPY hbase-schema ./hbase-schema
# The journal lives here: without a volume of its own it is lost with the container.
RUN install --directory --mode=0700 --owner=node --group=node /data
VOLUME ["/data"]
USER node
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s \
  CMD ["node", "dist/src/main.js", "healthcheck", "--quiet"]
ENTRYPOINT ["node", "dist/src/main.js"]
CMD ["serve"]
