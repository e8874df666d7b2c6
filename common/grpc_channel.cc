#include "common/grpc_channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include "common/limits.h"
#include "common/status.h"

namespace lighter {
namespace {

grpc::ChannelArguments CommonArguments() {
  grpc::ChannelArguments args;
  args.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  args.SetMaxReceiveMessageSize(kMaxMessageBytes);
  args.SetMaxSendMessageSize(kMaxMessageBytes);
  // Channels with equal arguments share one connection otherwise.
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  args.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  args.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  args.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5000);  // also the connect time-out
  return args;
}

}  // namespace

std::shared_ptr<grpc::Channel> DialAgent(
    const std::string& host_port, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
    const std::string& tls_name) {
  grpc::ChannelArguments args = CommonArguments();
  args.SetSslTargetNameOverride(tls_name);
  args.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  args.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  // While an agent unpacks nothing is said for long; the default stops pinging after two.
  args.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  return grpc::CreateCustomChannel(host_port, credentials, args);
}

std::shared_ptr<grpc::Channel> DialUnix(const std::string& socket_path) {
  grpc::ChannelArguments args = CommonArguments();
  // gRPC C++ from 1.57 on would send the percent-encoded socket path, which some servers refuse.
  args.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
  return grpc::CreateCustomChannel("unix:" + socket_path, grpc::InsecureChannelCredentials(), args);
}

}  // namespace lighter
