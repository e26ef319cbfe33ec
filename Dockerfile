# The collector. The base is pinned by its version: a digest could not be looked up where this was written.
FROM python:3.11.14-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
RUN python -m venv /opt/breakeven
ENV PATH=/opt/breakeven/bin:$PATH
COPY pyproject.toml README.md LICENSE ./
COPY sdk sdk
COPY collector collector
COPY schema schema
COPY dashboards dashboards
# What is installed is this checkout; its dependencies are those that pyproject.toml names.
# hadolint ignore=DL3013
RUN pip install ".[collector]" && python -m compileall -q /opt/breakeven

FROM python:3.11.14-slim-bookworm
LABEL org.opencontainers.image.title="Breakeven collector" org.opencontainers.image.licenses="Apache-2.0"
# All that is written lies under /var/lib/breakeven and /tmp: the rest may be mounted read-only.
RUN useradd --uid 10001 --user-group --home-dir /var/lib/breakeven --create-home --shell /usr/sbin/nologin breakeven
COPY --from=build /opt/breakeven /opt/breakeven
ENV PATH=/opt/breakeven/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    BREAKEVEN_HOST=0.0.0.0 \
    BREAKEVEN_DATA_DIR=/var/lib/breakeven \
    BREAKEVEN_LOG_FORMAT=json
WORKDIR /var/lib/breakeven
USER 10001:10001
VOLUME /var/lib/breakeven
EXPOSE 4317 4318
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ.get('BREAKEVEN_PORT') or 4318}/readyz\", timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["breakeven"]
CMD ["up"]
