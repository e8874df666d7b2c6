// How every channel of this project is made: no proxy, bounded messages, quick reconnects.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

namespace lighter {

// To an agent at "host:port", over mutual TLS; its certificate must carry DNS name `tls_name`,
// whatever the address. Environment proxies never apply; a dead peer is noticed by keepalive within
// about 30 s.
std::shared_ptr<grpc::Channel> DialAgent(
    const std::string& host_port, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
    const std::string& tls_name);

// To a server on a unix socket (containerd, or an agent on a 0600 socket), in the clear.
// `/run/x.sock`, without the scheme. No keepalive: grpc-go servers answer frequent pings by GOAWAY.
std::shared_ptr<grpc::Channel> DialUnix(const std::string& socket_path);

}  // namespace lighter
