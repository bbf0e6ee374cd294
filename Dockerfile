# syntax=docker/dockerfile:1
# One image for every process: `counterclaim poll`, `counterclaim worker`, `counterclaim topics apply`.
# Written and linted without a Docker engine: see docs/docker.md for what that means.

FROM python:3.12-slim AS build
# faust-streaming has no wheel for Linux on ARM: there it is compiled, here, so that no compiler is in the image that runs.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends build-essential \
 && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/counterclaim
ENV PATH=/opt/counterclaim/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
# The requirements on their own: a change of ours does not fetch them again.
COPY requirements/runtime.txt requirements/
RUN pip install --require-hashes --requirement requirements/runtime.txt
COPY requirements/build.txt requirements/
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --require-hashes --requirement requirements/build.txt
COPY pyproject.toml README.md LICENSE pom.xml ./
COPY config config
COPY seeds seeds
COPY agents agents
COPY pipeline pipeline
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /tmp/dist . \
 && pip install --no-deps /tmp/dist/*.whl

FROM python:3.12-slim
LABEL org.opencontainers.image.title="counterclaim" \
      org.opencontainers.image.description="Watches news feeds and tells who denies what and who accuses whom" \
      org.opencontainers.image.licenses="Apache-2.0"
# A fixed id, so that the owner of a volume can be named. /data is made here for a new volume to inherit its owner.
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin counterclaim \
 && install --directory --owner=counterclaim --group=counterclaim /data
COPY --from=build /opt/counterclaim /opt/counterclaim
ENV PATH=/opt/counterclaim/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    COUNTERCLAIM_METRICS_HOST=0.0.0.0 \
    COUNTERCLAIM_LOG_FORMAT=json \
    METRICS_PORT=9470
USER 10001:10001
# Relative folders of the settings (data/worker) lie on the volume.
WORKDIR /
VOLUME ["/data"]
EXPOSE 9470 9471
STOPSIGNAL SIGTERM
# The poller's port; a worker sets METRICS_PORT=9471.
HEALTHCHECK --interval=15s --timeout=5s --start-period=90s --retries=4 \
    CMD ["python", "-I", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['METRICS_PORT']}/metrics\", timeout=4)"]
ENTRYPOINT ["counterclaim"]
CMD ["poll"]
