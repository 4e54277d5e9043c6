# Two stages: the wheel is built with the pinned tools, the image holds only what the service runs on.
FROM python:3.12-slim AS build
WORKDIR /build
COPY requirements/dev.txt requirements/dev.txt
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/dev.txt
COPY pyproject.toml README.md alembic.ini ./
COPY src src
COPY migrations migrations
RUN python -m hatchling build -t wheel -d /dist

FROM python:3.12-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 PORT=8080
WORKDIR /srv
COPY requirements/service.txt requirements/service.txt
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/service.txt
COPY --from=build /dist/*.whl /tmp/
RUN pip install --no-cache-dir --disable-pip-version-check --no-deps /tmp/*.whl && rm /tmp/*.whl \
    && groupadd --gid 10001 ledgerbridge && useradd --create-home --uid 10001 --gid 10001 ledgerbridge
# By number, so that a cluster can tell that it is not root.
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=2)"]
CMD ["ledgerbridge", "serve"]
