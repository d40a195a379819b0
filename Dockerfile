# The portal without its databases: web by default, workers and watch by another command
# (see compose.yaml). Nothing is generated in here; every secret comes from outside.
FROM python:3.11-slim-bookworm AS builder
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        gcc libc6-dev libmariadb-dev libsnmp-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/venv
COPY requirements.txt requirements-databases.txt constraints.txt /build/
RUN /opt/venv/bin/pip install --no-cache-dir --constraint /build/constraints.txt \
        --requirement /build/requirements.txt --requirement /build/requirements-databases.txt

FROM python:3.11-slim-bookworm
RUN apt-get update \
    && apt-get install -y --no-install-recommends fping libcap2-bin libmariadb3 libsnmp40 \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin ispcore \
    && install -d -o ispcore -g ispcore -m 750 /var/lib/ispcore
COPY --from=builder /opt/venv /opt/venv
WORKDIR /app
COPY manage.py LICENSE ./
COPY ispcore ispcore
COPY monitoring monitoring
COPY radius radius
COPY routers routers
COPY resellers resellers
COPY subscribers subscribers
COPY dashboards dashboards
COPY lab lab
COPY templates templates
COPY static static
COPY deploy/docker deploy/docker
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ISPCORE_VAR=/var/lib/ispcore \
    ISPCORE_PROCESS=web
USER ispcore
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "deploy/docker/health.py"]
CMD ["python", "-m", "ispcore.web", "--host", "0.0.0.0", "--port", "8000"]
