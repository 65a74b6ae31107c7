# The upstreams and the three proxies. Each proxy has one worker on one core, keeps its connections to the upstream, and
# adds X-Forwarded-For: the same work for all.
#
# A proxy PROXY is three functions: `start_PROXY` (sets PORT and ROOT, the first of its processes), `again_PROXY` (what
# its users do to change where the traffic goes), and its name in `title`.

title() {
  case $1 in
    bascule) echo "Bascule" ;;
    haproxy) haproxy -v | awk 'NR == 1 { sub(/-.*/, "", $3); print "haproxy " $3 }' ;;
    nginx) nginx -v 2>&1 | sed 's|.*nginx/\([0-9.]*\).*|nginx \1|' ;;
  esac
}

nginx_common() {
  cat <<END
daemon off;
pid $SCRATCH/$1.pid;
error_log $SCRATCH/$1.log;
worker_processes 1;
worker_rlimit_nofile 16384;
events { worker_connections 8192; }
END
}

nginx_paths() {
  local path
  for path in client_body proxy fastcgi uwsgi scgi; do echo "${path}_temp_path $SCRATCH/$1-$path;"; done
}

# Two upstreams that say which one they are, in one process beside the client.
start_upstreams() {
  BLUE=$(free_port)
  GREEN=$(free_port)
  {
    nginx_common upstream
    echo "http { access_log off; keepalive_requests 100000000; keepalive_timeout 600s; default_type text/plain;"
    nginx_paths upstream
    local color port
    for color in blue green; do
      port=$BLUE
      [[ $color == blue ]] || port=$GREEN
      echo "server { listen 127.0.0.1:$port backlog=4096; location / { add_header x-shop-version $color;"
      echo "return 200 \"a small answer of sixty-four bytes, from the upstream called $color\\n\"; } }"
    done
    echo "}"
  } >"$SCRATCH/upstream.conf"
  on $CLIENT_CORE nginx -c "$SCRATCH/upstream.conf" -p "$SCRATCH"
  until_answers "$BLUE"
  until_answers "$GREEN"
}

nginx_configuration() { # upstream port
  nginx_common nginx
  echo "http { access_log off; keepalive_requests 100000000; keepalive_timeout 600s;"
  nginx_paths nginx
  cat <<END
upstream app { server 127.0.0.1:$1; keepalive 256; keepalive_requests 100000000; }
server {
  listen 127.0.0.1:$PORT backlog=4096;
  location / {
    proxy_pass http://app;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host \$host;
    proxy_set_header X-Forwarded-For \$remote_addr;
  }
} }
END
}

start_nginx() {
  PORT=$(free_port)
  nginx_configuration "$BLUE" >"$SCRATCH/nginx.conf"
  on $PROXY_CORE nginx -c "$SCRATCH/nginx.conf" -p "$SCRATCH"
  ROOT=$!
  until_answers "$PORT"
}

again_nginx() { # upstream port
  nginx_configuration "$1" >"$SCRATCH/nginx.conf.new"
  mv "$SCRATCH/nginx.conf.new" "$SCRATCH/nginx.conf"
  kill -HUP "$ROOT"
}

haproxy_configuration() { # upstream port
  cat <<END
global
  nbthread 1
  maxconn 4096
  hard-stop-after 30s
defaults
  mode http
  timeout connect 1s
  timeout client 600s
  timeout server 60s
  timeout http-keep-alive 600s
  option forwardfor
  http-reuse always
frontend door
  bind 127.0.0.1:$PORT backlog 4096
  default_backend app
backend app
  server one 127.0.0.1:$1 pool-max-conn 256
END
}

start_haproxy() {
  PORT=$(free_port)
  haproxy_configuration "$BLUE" >"$SCRATCH/haproxy.cfg"
  on $PROXY_CORE haproxy -W -f "$SCRATCH/haproxy.cfg"
  ROOT=$!
  until_answers "$PORT"
}

again_haproxy() { # upstream port
  haproxy_configuration "$1" >"$SCRATCH/haproxy.cfg.new"
  mv "$SCRATCH/haproxy.cfg.new" "$SCRATCH/haproxy.cfg"
  kill -USR2 "$ROOT"
}

start_bascule() {
  PORT=$(free_port)
  EDGE_STATE=$(mktemp -d "$SCRATCH/edge.XXXX")
  on $PROXY_CORE "$HELPER" edge "$EDGE_STATE"
  ROOT=$!
  "$HELPER" route "$EDGE_STATE" "127.0.0.1:$PORT" "127.0.0.1:$BLUE" "127.0.0.1:$GREEN"
  until_answers "$PORT"
}
