# json-server, the tool API of deploy/compose.yaml, as the lock file of gait's own tests pins it.
FROM node:22-bookworm-slim
WORKDIR /tool
COPY tests/peers/package.json tests/peers/package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund && npm cache clean --force
COPY deploy/compose/tool.json ./
USER 65532:65532
# It writes what it is told into its file, so the file stands where it may be written.
CMD ["sh", "-c", "cp tool.json /tmp/db.json && exec node_modules/.bin/json-server --host 0.0.0.0 --port 3000 /tmp/db.json"]
