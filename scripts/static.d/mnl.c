/*
 * mnl.c - the few functions of libmnl that step07 calls, for `make static`.
 *
 * Debian and Ubuntu have libmnl as a shared library alone, so a static program
 * cannot have it. The names, the types and what they do are those of
 * <libmnl/libmnl.h>; how a message is laid out is in netlink(7).
 */
#define _GNU_SOURCE

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- sockets --- */

struct mnl_socket {
    int fd;
    struct sockaddr_nl address;
};

struct mnl_socket *mnl_socket_open2(int bus, int flags)
{
    struct mnl_socket *nl = calloc(1, sizeof(*nl));
    if (!nl)
        return NULL;
    nl->fd = socket(AF_NETLINK, SOCK_RAW | flags, bus);
    if (nl->fd != -1)
        return nl;
    free(nl);
    return NULL;
}

int mnl_socket_close(struct mnl_socket *nl)
{
    int result = close(nl->fd);
    free(nl);
    return result;
}

/* The kernel chooses the number that answers are sent to. */
int mnl_socket_bind(struct mnl_socket *nl, unsigned int groups, pid_t pid)
{
    socklen_t length = sizeof(nl->address);
    struct sockaddr_nl wanted = {
        .nl_family = AF_NETLINK,
        .nl_groups = groups,
        .nl_pid = (uint32_t)pid,
    };
    if (bind(nl->fd, (struct sockaddr *)&wanted, sizeof(wanted)) == -1)
        return -1;
    return getsockname(nl->fd, (struct sockaddr *)&nl->address, &length);
}

int mnl_socket_get_fd(const struct mnl_socket *nl)
{
    return nl->fd;
}

unsigned int mnl_socket_get_portid(const struct mnl_socket *nl)
{
    return nl->address.nl_pid;
}

ssize_t mnl_socket_sendto(const struct mnl_socket *nl, const void *req,
                          size_t siz)
{
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    return sendto(nl->fd, req, siz, 0, (const struct sockaddr *)&kernel,
                  sizeof(kernel));
}

/* ENOSPC: the answer is longer than `size`. */
ssize_t mnl_socket_recvfrom(const struct mnl_socket *nl, void *buffer,
                            size_t size)
{
    struct iovec part = {.iov_base = buffer, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t length = recvmsg(nl->fd, &message, 0);
    if (length == -1 || !(message.msg_flags & MSG_TRUNC))
        return length;
    errno = ENOSPC;
    return -1;
}

/* --- what is sent --- */

struct nlmsghdr *mnl_nlmsg_put_header(void *buffer)
{
    struct nlmsghdr *nlh = memset(buffer, 0, MNL_NLMSG_HDRLEN);
    nlh->nlmsg_len = MNL_NLMSG_HDRLEN;
    return nlh;
}

void *mnl_nlmsg_put_extra_header(struct nlmsghdr *nlh, size_t size)
{
    char *end = (char *)nlh + nlh->nlmsg_len;
    nlh->nlmsg_len += MNL_ALIGN(size);
    return memset(end, 0, MNL_ALIGN(size));
}

void *mnl_nlmsg_get_payload(const struct nlmsghdr *nlh)
{
    return (char *)nlh + MNL_NLMSG_HDRLEN;
}

void mnl_attr_put(struct nlmsghdr *nlh, uint16_t type, size_t len,
                  const void *data)
{
    size_t total = MNL_ATTR_HDRLEN + len;
    struct nlattr *attr = mnl_nlmsg_put_extra_header(nlh, total);
    attr->nla_type = type;
    attr->nla_len = (uint16_t)total;
    memcpy(mnl_attr_get_payload(attr), data, len);
}

void mnl_attr_put_u32(struct nlmsghdr *nlh, uint16_t type, uint32_t data)
{
    mnl_attr_put(nlh, type, sizeof(data), &data);
}

void mnl_attr_put_strz(struct nlmsghdr *nlh, uint16_t type, const char *data)
{
    mnl_attr_put(nlh, type, strlen(data) + 1, data);
}

struct nlattr *mnl_attr_nest_start(struct nlmsghdr *nlh, uint16_t type)
{
    struct nlattr *attr = mnl_nlmsg_put_extra_header(nlh, MNL_ATTR_HDRLEN);
    attr->nla_type = NLA_F_NESTED | type;
    return attr;
}

/* Its length is known only when all is in it. */
void mnl_attr_nest_end(struct nlmsghdr *nlh, struct nlattr *start)
{
    char *end = (char *)nlh + nlh->nlmsg_len;
    start->nla_len = (uint16_t)(end - (char *)start);
}

/* --- what is received --- */

uint16_t mnl_attr_get_type(const struct nlattr *attr)
{
    return attr->nla_type & NLA_TYPE_MASK;
}

uint16_t mnl_attr_get_payload_len(const struct nlattr *attr)
{
    return attr->nla_len - MNL_ATTR_HDRLEN;
}

void *mnl_attr_get_payload(const struct nlattr *attr)
{
    return (char *)attr + MNL_ATTR_HDRLEN;
}

const char *mnl_attr_get_str(const struct nlattr *attr)
{
    return mnl_attr_get_payload(attr);
}

uint32_t mnl_attr_get_u32(const struct nlattr *attr)
{
    uint32_t number;
    memcpy(&number, mnl_attr_get_payload(attr), sizeof(number));
    return number;
}

/* For the loops mnl_attr_for_each() and mnl_attr_for_each_nested(). */
bool mnl_attr_ok(const struct nlattr *attr, int len)
{
    return len >= (int)sizeof(*attr) && attr->nla_len >= sizeof(*attr) &&
           (int)attr->nla_len <= len;
}

struct nlattr *mnl_attr_next(const struct nlattr *attr)
{
    return (struct nlattr *)((char *)attr + MNL_ALIGN(attr->nla_len));
}

void *mnl_nlmsg_get_payload_offset(const struct nlmsghdr *nlh, size_t offset)
{
    return (char *)nlh + MNL_NLMSG_HDRLEN + MNL_ALIGN(offset);
}

void *mnl_nlmsg_get_payload_tail(const struct nlmsghdr *nlh)
{
    return (char *)nlh + MNL_ALIGN(nlh->nlmsg_len);
}

/* The last answer: an error, or 0, which is "done". */
static int read_result(const struct nlmsghdr *nlh)
{
    const struct nlmsgerr *result = mnl_nlmsg_get_payload(nlh);
    if (nlh->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(result->error)) {
        errno = EBADMSG;
        return MNL_CB_ERROR;
    }
    errno = abs(result->error);
    return result->error ? MNL_CB_ERROR : MNL_CB_STOP;
}

/* EINTR: what was being listed has changed meanwhile. */
int mnl_cb_run(const void *buf, size_t numbytes, unsigned int seq,
               unsigned int portid, mnl_cb_t cb_data, void *data)
{
    int left = (int)numbytes;
    int result = MNL_CB_OK;
    for (const struct nlmsghdr *m = buf;
         NLMSG_OK(m, (unsigned int)left) && result > MNL_CB_STOP;
         m = NLMSG_NEXT(m, left)) {
        if (m->nlmsg_pid && m->nlmsg_pid != portid) {
            errno = ESRCH;
            return MNL_CB_ERROR;
        }
        if (seq && m->nlmsg_seq && m->nlmsg_seq != seq) {
            errno = EPROTO;
            return MNL_CB_ERROR;
        }
        if (m->nlmsg_flags & NLM_F_DUMP_INTR) {
            errno = EINTR;
            return MNL_CB_ERROR;
        }
        if (m->nlmsg_type == NLMSG_ERROR)
            result = read_result(m);
        else if (m->nlmsg_type == NLMSG_DONE)
            result = MNL_CB_STOP;
        else if (m->nlmsg_type >= NLMSG_MIN_TYPE && cb_data)
            result = cb_data(m, data);
    }
    return result;
}
