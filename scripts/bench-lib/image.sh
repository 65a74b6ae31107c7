# The image of the shop, for what runs in containers.

DOCKER_IMAGE=bascule-bench/shop

# The shop and the libraries that it needs, and nothing else.
make_bench_image() {
  local context=$SCRATCH/image library
  mkdir -p "$context/root"
  cp "$SHOP" "$context/root/shop"
  for library in $(ldd "$SHOP" | grep -o '/[^ ]*'); do
    mkdir -p "$context/root$(dirname "$library")"
    cp -L "$library" "$context/root$library"
  done
  printf 'FROM scratch\nCOPY root /\nENV SHOP_HOST=0.0.0.0\nWORKDIR /\nUSER 65532:65532\n' >"$context/Dockerfile"
  DOCKER_BUILDKIT=0 docker build --quiet --tag "$DOCKER_IMAGE" "$context" >/dev/null
}
