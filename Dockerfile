# The server alone on Debian slim: not root, data in /var/lib/licentia, health checked by the binary itself.

FROM rust:1-trixie AS build
WORKDIR /src
COPY . .
RUN cargo build --profile dist -p licentia --locked

FROM debian:trixie-slim
# libcrypto-mb11 signs tokens in lanes where the processor can (docs/performance.md); it is made for amd64 only.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && if [ "$(dpkg --print-architecture)" = amd64 ]; then apt-get install -y --no-install-recommends libcrypto-mb11; fi \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/licentia --create-home --shell /usr/sbin/nologin licentia
COPY --from=build /src/target/dist/licentia /usr/local/bin/licentia
COPY --from=build /src/LICENSE /src/LICENSE-APACHE /src/LICENSE-MIT /usr/share/doc/licentia/

USER licentia
WORKDIR /var/lib/licentia
VOLUME /var/lib/licentia
ENV LICENTIA__SERVER__BIND=0.0.0.0:8080 \
    LICENTIA__DATABASE__URL=sqlite:///var/lib/licentia/licentia.db
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 CMD ["licentia", "healthcheck"]
ENTRYPOINT ["licentia"]
CMD ["serve"]
